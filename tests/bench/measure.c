/*
 * measure OUTPUT COMMAND…: runs it with its standard output in a file, and prints seconds of wall
 * clock, of the processor, and KiB of memory at its peak. Small on purpose: a process counts the
 * memory of the one that it was forked from.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void execute(const char *output, char *const argv[])
{
    dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
    dup2(open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
    execvp(argv[0], argv);
    fprintf(stderr, "measure: cannot start %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

int main(int argc, char **argv)
{
    int status = 0;
    struct rusage usage;
    if (argc < 3)
        return 2;
    double start = now();
    pid_t pid = fork();
    if (pid == 0)
        execute(argv[1], argv + 2);
    if (pid < 0 || wait4(pid, &status, 0, &usage) != pid || !WIFEXITED(status))
        return 1;
    printf("%.6f %.6f %ld\n", now() - start, seconds(&usage.ru_utime) + seconds(&usage.ru_stime),
           usage.ru_maxrss);
    return WEXITSTATUS(status);
}
