/* The header field Link (RFC 8288): where a list goes on. */
#ifndef JETON_LINK_H
#define JETON_LINK_H

/*
 * The target of the first link in the field's value whose relation is `next`, as it is written: a
 * reference that may be relative to what was asked for, and has not been checked (mem_free). NULL:
 * there is none. A link of another context (anchor) is none, nor one to a page that is said to be
 * empty (results), and so is all that follows what cannot be read.
 */
char *link_next(const char *value);

#endif
