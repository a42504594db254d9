// A disk that can fail, laid under a process by LD_PRELOAD.
//
// A killed process leaves the page cache behind, so `kill -9` does not show whether a commit waited for the disk. This library
// remembers what every write to a regular file below SHIM_DIR replaced, until fsync or fdatasync makes it durable:
//
//   SHIM_CRASH_AT=N        at the N-th synchronisation, the power fails: everything that was not durable is taken back,
//                          also files whose directory was not synchronised, and the process ends with status 99.
//   SHIM_TORN=1            the first half of what was not durable, and half a write, had reached the disk nevertheless.
//   SHIM_LIES=1            synchronising makes nothing durable, and says that it did.
//   SHIM_CONTROL=DIR       while the file DIR/full exists, writes fail with ENOSPC; while DIR/broken exists, synchronisations
//                          fail with EIO. DIR/syncs grows by one byte with each synchronisation. Each write, cut and
//                          synchronisation takes a byte off DIR/fuse; the one that takes the last fails with EIO.
//
// Memory that is mapped is not seen: SQLite maps only the index of its log, which it makes anew after a crash.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { CREATED, WRITTEN, CUT };

// What must be done to take one change back. The latest stands first.
struct change {
    struct change *before;
    enum kind kind;
    char path[PATH_MAX];
    off_t size;   // of the file, before the change
    off_t at;     // where it was changed
    size_t length;
    char *replaced;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct change *latest;
static long synchronisations;

static int below_dir(const char *path) {
    const char *dir = getenv("SHIM_DIR");
    size_t length = dir ? strlen(dir) : 0;
    return length && strncmp(path, dir, length) == 0 && path[length] == '/';
}

// The log's index is mapped memory: nothing in it is to be kept, and to take back its length would end whoever reads it (SIGBUS)
// in the moment before the power is off.
static int is_kept(const char *path) {
    const char *end = strrchr(path, '-');
    return !(end && strcmp(end, "-shm") == 0);
}

// The path of a regular file that is watched; 0 for every other descriptor.
static int watched(int fd, char path[PATH_MAX], struct stat *about) {
    char link[64];
    int saved = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    int yes = 0;
    if (length > 0) {
        path[length] = 0;
        yes = below_dir(path) && is_kept(path) && fstat(fd, about) == 0 && S_ISREG(about->st_mode);
    }
    errno = saved;
    return yes;
}

static int flagged(const char *name) {
    const char *control = getenv("SHIM_CONTROL");
    char path[PATH_MAX];
    struct stat about;
    int saved = errno;
    if (!control) return 0;
    snprintf(path, sizeof path, "%s/%s", control, name);
    int yes = stat(path, &about) == 0;
    errno = saved;
    return yes;
}

// Whether this write, cut or synchronisation is the one that fails. The lock is held.
static int fuse_blows(void) {
    const char *control = getenv("SHIM_CONTROL");
    char path[PATH_MAX];
    struct stat about;
    int saved = errno, blows = 0;
    if (!control) return 0;
    snprintf(path, sizeof path, "%s/fuse", control);
    if (stat(path, &about) == 0 && about.st_size > 0) {
        int fuse = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
        if (fuse < 0 || syscall(SYS_ftruncate, fuse, about.st_size - 1) != 0) abort();
        syscall(SYS_close, fuse);
        blows = about.st_size == 1;
    }
    errno = blows ? EIO : saved;
    return blows;
}

static void remember(enum kind kind, int fd, const char *path, off_t size, off_t at, size_t length) {
    struct change *change = calloc(1, sizeof *change);
    if (!change) abort();
    change->kind = kind;
    snprintf(change->path, sizeof change->path, "%s", path);
    change->size = size;
    change->at = at;
    if (fd >= 0 && at < size) {
        change->length = (size_t)(size - at) < length ? (size_t)(size - at) : length;
        change->replaced = malloc(change->length);
        if (!change->replaced) abort();
        // The descriptor may be for writing alone.
        int reader = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
        if (reader < 0 || syscall(SYS_pread64, reader, change->replaced, change->length, at) != (long)change->length) abort();
        syscall(SYS_close, reader);
    }
    change->before = latest;
    latest = change;
}

static void take_back(struct change *change, size_t keep) {
    if (change->kind == CREATED) {
        syscall(SYS_unlinkat, AT_FDCWD, change->path, 0);
        return;
    }
    int fd = (int)syscall(SYS_openat, AT_FDCWD, change->path, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0) return;
    size_t from = keep < change->length ? keep : change->length;
    if (change->length > from) {
        syscall(SYS_pwrite64, fd, change->replaced + from, change->length - from, change->at + (off_t)from);
    }
    off_t kept = change->at + (off_t)keep;
    syscall(SYS_ftruncate, fd, keep && kept > change->size ? kept : change->size);
    syscall(SYS_close, fd);
}

static void power_cut(void) {
    size_t total = 0, index = 0;
    for (struct change *change = latest; change; change = change->before) total++;
    size_t lost = getenv("SHIM_TORN") ? (total + 1) / 2 : total;
    for (struct change *change = latest; change && index < lost; change = change->before) {
        index++;
        // The earliest of those lost had reached the disk by half a sector's worth.
        take_back(change, lost < total && index == lost && change->kind == WRITTEN ? 256 : 0);
    }
    _exit(99);
}

static void forget(const char *path, int directory) {
    size_t length = strlen(path);
    for (struct change **place = &latest; *place;) {
        struct change *change = *place;
        const char *name = change->path;
        int in_it = strncmp(name, path, length) == 0 && name[length] == '/' && !strchr(name + length + 1, '/');
        if (directory ? change->kind == CREATED && in_it : change->kind != CREATED && strcmp(name, path) == 0) {
            *place = change->before;
            free(change->replaced);
            free(change);
        } else {
            place = &change->before;
        }
    }
}

static int synchronise(long call, int fd) {
    char path[PATH_MAX], link[64];
    struct stat about;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return (int)syscall(call, fd);
    path[length] = 0;
    const char *dir = getenv("SHIM_DIR");
    int ours = dir && (strcmp(path, dir) == 0 || below_dir(path));
    if (!ours || fstat(fd, &about) != 0) return (int)syscall(call, fd);
    pthread_mutex_lock(&lock);
    if (flagged("broken")) {
        pthread_mutex_unlock(&lock);
        errno = EIO;
        return -1;
    }
    if (fuse_blows()) {
        pthread_mutex_unlock(&lock);
        return -1;
    }
    const char *crash_at = getenv("SHIM_CRASH_AT");
    if (crash_at && ++synchronisations == atol(crash_at)) power_cut();
    int result = (int)syscall(call, fd);
    if (result == 0 && !getenv("SHIM_LIES")) forget(path, S_ISDIR(about.st_mode));
    const char *control = getenv("SHIM_CONTROL");
    if (control) {
        char counter[PATH_MAX];
        snprintf(counter, sizeof counter, "%s/syncs", control);
        int tally = (int)syscall(SYS_openat, AT_FDCWD, counter, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (tally >= 0) {
            syscall(SYS_write, tally, ".", 1);
            syscall(SYS_close, tally);
        }
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int fsync(int fd) { return synchronise(SYS_fsync, fd); }
int fdatasync(int fd) { return synchronise(SYS_fdatasync, fd); }

static ssize_t write_at(int fd, const void *bytes, size_t length, off_t at, int positioned) {
    char path[PATH_MAX];
    struct stat about;
    if (!watched(fd, path, &about)) {
        return positioned ? syscall(SYS_pwrite64, fd, bytes, length, at) : syscall(SYS_write, fd, bytes, length);
    }
    pthread_mutex_lock(&lock);
    ssize_t result = -1;
    if (flagged("full")) {
        errno = ENOSPC;
    } else if (!fuse_blows()) {
        off_t place = at;
        if (!positioned) {
            place = fcntl(fd, F_GETFL) & O_APPEND ? about.st_size : (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR);
        }
        remember(WRITTEN, fd, path, about.st_size, place, length);
        result = positioned ? syscall(SYS_pwrite64, fd, bytes, length, at) : syscall(SYS_write, fd, bytes, length);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

ssize_t write(int fd, const void *bytes, size_t length) { return write_at(fd, bytes, length, 0, 0); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return write_at(fd, bytes, length, at, 1); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) { return write_at(fd, bytes, length, at, 1); }

static int cut(int fd, off_t size) {
    char path[PATH_MAX];
    struct stat about;
    if (!watched(fd, path, &about)) return (int)syscall(SYS_ftruncate, fd, size);
    pthread_mutex_lock(&lock);
    int result = -1;
    if (!fuse_blows()) {
        remember(CUT, fd, path, about.st_size, size, size < about.st_size ? (size_t)(about.st_size - size) : 0);
        result = (int)syscall(SYS_ftruncate, fd, size);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate(int fd, off_t size) { return cut(fd, size); }
int ftruncate64(int fd, off64_t size) { return cut(fd, size); }

static int open_at(int folder, const char *path, int flags, mode_t mode) {
    char whole[PATH_MAX];
    struct stat about;
    if (!(flags & O_CREAT) || path[0] != '/' || !below_dir(path) || !is_kept(path) || stat(path, &about) == 0) {
        return (int)syscall(SYS_openat, folder, path, flags, mode);
    }
    pthread_mutex_lock(&lock);
    int fd = -1;
    if (flagged("full")) {
        errno = ENOSPC;
    } else {
        fd = (int)syscall(SYS_openat, folder, path, flags, mode);
        snprintf(whole, sizeof whole, "%s", path);
        if (fd >= 0) remember(CREATED, -1, whole, 0, 0, 0);
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

static mode_t mode_of(int flags, va_list list) { return flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(list, int) : 0; }

#define OPENS(name, ...)                                 \
    {                                                    \
        va_list list;                                    \
        va_start(list, flags);                           \
        mode_t mode = mode_of(flags, list);              \
        va_end(list);                                    \
        return open_at(__VA_ARGS__, path, flags, mode);  \
    }
int open(const char *path, int flags, ...) OPENS(open, AT_FDCWD)
int open64(const char *path, int flags, ...) OPENS(open64, AT_FDCWD)
int openat(int folder, const char *path, int flags, ...) OPENS(openat, folder)
int openat64(int folder, const char *path, int flags, ...) OPENS(openat64, folder)
