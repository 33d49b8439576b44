/* Doubles as text, whatever the process's locale is (a script may call os.setlocale). */
#ifndef JETON_DECIMAL_H
#define JETON_DECIMAL_H

#define DECIMAL_SIZE 32

/* `text` is a number by the grammar of JSON or YAML. Infinity on overflow, 0 on underflow. */
double decimal_parse(const char *text);
/* The shortest of %.15g, %.16g and %.17g that reads back exactly; always with '.' or 'e', so that
 * it stays a float. value is finite. */
void decimal_format(double value, char out[DECIMAL_SIZE]);

#endif
