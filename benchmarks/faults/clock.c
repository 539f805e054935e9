/* A machine's clock that jumps: the time of day is off by as many milliseconds as a file says.
 *
 * Preloaded into every process of a Townwatch. $TOWNWATCH_FAULT_CLOCK names a file of eight bytes, a signed number of
 * milliseconds in the machine's own byte order, that whoever makes the jump overwrites. Monotonic clocks are left alone,
 * as they are when a real clock is set.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *off;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("TOWNWATCH_FAULT_CLOCK");
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    void *found = mmap(NULL, sizeof *off, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (found != MAP_FAILED) off = found;
}

static void shift(struct timespec *at) {
    int64_t ms = off == NULL ? 0 : *off;
    int64_t ns = at->tv_nsec + ms % 1000 * 1000000;
    at->tv_sec += ms / 1000;
    if (ns < 0) { ns += 1000000000; at->tv_sec -= 1; }
    if (ns >= 1000000000) { ns -= 1000000000; at->tv_sec += 1; }
    at->tv_nsec = ns;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    int done = (int)syscall(SYS_clock_gettime, clock, at);
    if (done == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) shift(at);
    return done;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    at->tv_sec = exact.tv_sec;
    at->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (at != NULL) *at = exact.tv_sec;
    return exact.tv_sec;
}
