/* A power cut for one program: every file that it appends to is noted with the length up to which it was synced.
 *
 * Preloaded into redis-server. After the process was killed, whoever reads the notes truncates each file to its noted
 * length: what was written and never synced is gone, as it would be with the machine (EXACTNESS 3). A file that was
 * never synced at all is noted with length 0 when it is first written to.
 *
 * Notes are lines "device inode length" appended to $TOWNWATCH_FAULT_SYNCED; the last line of a file counts. A length is
 * taken before the sync begins, so that nothing that came during it passes for synced.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST 65536

static int notes = -1;
static char seen[MOST];

__attribute__((constructor)) static void begin(void) {
    char program[4096];
    const char *path = getenv("TOWNWATCH_FAULT_SYNCED");
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (path == NULL || length <= 0) return;
    program[length] = 0;
    if (strstr(program, "redis-server") == NULL && strstr(program, "valkey-server") == NULL &&
        strstr(program, "redis-check-rdb") == NULL)
        return;
    notes = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int appended(int fd, struct stat *found) {
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY && fstat(fd, found) == 0 && S_ISREG(found->st_mode);
}

static void note(const struct stat *found, long long length) {
    char line[96];
    int count = snprintf(line, sizeof line, "%llu %llu %lld\n", (unsigned long long)found->st_dev,
                         (unsigned long long)found->st_ino, length);
    /* By the call itself: our own write is not one of the program's. */
    syscall(SYS_write, notes, line, (size_t)count);
}

static int sync_by(int fd, const char *name) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    struct stat found;
    int known = notes >= 0 && appended(fd, &found);
    int done = real(fd);
    if (done == 0 && known) note(&found, (long long)found.st_size);
    return done;
}

int fsync(int fd) { return sync_by(fd, "fsync"); }

int fdatasync(int fd) { return sync_by(fd, "fdatasync"); }

ssize_t write(int fd, const void *bytes, size_t count) {
    struct stat found;
    /* Only the first write of a descriptor can be the first that nobody has noted. */
    if (notes >= 0 && fd > 2 && fd < MOST && fd != notes && !seen[fd] && appended(fd, &found)) {
        if (found.st_size == 0) note(&found, 0);
        seen[fd] = 1;
    }
    return (ssize_t)syscall(SYS_write, fd, bytes, count);
}

int close(int fd) {
    if (fd >= 0 && fd < MOST) seen[fd] = 0;
    return (int)syscall(SYS_close, fd);
}
