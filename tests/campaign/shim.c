/*
 * Stands between a process and the file system (LD_PRELOAD), for the campaign's tests. It tracks the
 * files in one directory and, as the environment says,
 *
 *   SHIM_DIR      that directory, with a slash at its end
 *   SHIM_LOG      appends everything the process did to those files that lasts, and what it said on
 *                 standard output, in order (powercut.ts reads it)
 *   SHIM_CONTROL  a file of struct control, shared with the test, which says what is to fail now
 *
 * Indexes of SQLite (-shm) are left out: they are memory, and gone after a power cut. Locks (.lock) too.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { WRITE = 1, SYNC = 2, TRUNCATE = 4, OPEN = 8, UNLINK = 16 };

struct control {
  int32_t error;    /* errno of what fails; 0: nothing fails */
  int32_t kinds;    /* which of the above */
  int32_t skip;     /* so many of them succeed first */
  int32_t count;    /* so many of them fail; -1: all */
  int32_t hang;     /* kinds that do not return while this is set */
  int32_t failed;   /* how many have failed */
  int64_t clock_s;  /* added to the wall clock */
  int64_t ahead_s;  /* added to the clock that measures time; it may only rise */
};

#define FDS 65536
static char *names[FDS];
static const char *dir;
static size_t dir_length;
static int log_fd = -1;
static struct control *control;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void start(void) {
  dir = getenv("SHIM_DIR");
  if (!dir) return;
  dir_length = strlen(dir);
  const char *log = getenv("SHIM_LOG");
  if (log) log_fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const char *path = getenv("SHIM_CONTROL");
  if (!path) return;
  int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
  if (fd < 0) abort();
  control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (control == MAP_FAILED) abort();
}

/* The name below the directory, "" for the directory itself, NULL for what is not tracked. */
static const char *tracked(const char *path) {
  if (!dir || !path) return NULL;
  if (strlen(path) == dir_length - 1 && !strncmp(path, dir, dir_length - 1)) return "";
  if (strncmp(path, dir, dir_length)) return NULL;
  size_t length = strlen(path);
  if (length > 4 && !strcmp(path + length - 4, "-shm")) return NULL;
  if (length > 5 && !strcmp(path + length - 5, ".lock")) return NULL;
  return path + dir_length;
}

static const char *name_of(int fd) { return fd >= 0 && fd < FDS ? names[fd] : NULL; }

/* Whether an operation of this kind fails now; it has set errno then. */
static int fails(int kind) {
  if (!control) return 0;
  while (control->hang & kind) usleep(1000);
  int failing = 0;
  pthread_mutex_lock(&mutex);
  if (control->error && (control->kinds & kind) && control->count) {
    if (control->skip > 0) control->skip--;
    else {
      if (control->count > 0) control->count--;
      control->failed++;
      failing = 1;
    }
  }
  pthread_mutex_unlock(&mutex);
  if (failing) errno = control->error;
  return failing;
}

struct __attribute__((packed)) record {
  char operation; /* write, truncate, sync, create, unlink, rename, directory made, m: said */
  uint32_t name_length;
  uint64_t offset; /* of t the size, of r the length of the old name */
  uint32_t length;
};

static void note(char operation, const char *name, uint64_t offset, const void *data, size_t length) {
  if (log_fd < 0) return;
  struct record head = { operation, strlen(name), offset, length };
  struct iovec parts[] = {
    { &head, sizeof head }, { (void *)name, head.name_length }, { (void *)data, length } };
  if (syscall(SYS_writev, log_fd, parts, 3) < 0) abort();
}

/* Does `call` and notes it in one go, so that the log has the order in which things happened. */
#define NOTED(call, ...) ({ \
  pthread_mutex_lock(&mutex); \
  __typeof__(call) result = (call); \
  int error = errno; \
  if (result >= 0) note(__VA_ARGS__); \
  pthread_mutex_unlock(&mutex); \
  errno = error; \
  result; \
})

static int open_any(int at, const char *path, int flags, mode_t mode) {
  const char *name = tracked(path);
  if (!name) return syscall(SYS_openat, at, path, flags, mode);
  if (fails(OPEN)) return -1;
  pthread_mutex_lock(&mutex);
  struct stat found;
  int is_new = (flags & O_CREAT) && stat(path, &found) < 0;
  int fd = syscall(SYS_openat, at, path, flags, mode);
  if (fd >= 0) {
    if (is_new) note('c', name, 0, "", 0);
    if (flags & O_TRUNC) note('t', name, 0, "", 0);
    if (fd < FDS) {
      free(names[fd]);
      names[fd] = strdup(name);
    }
  }
  pthread_mutex_unlock(&mutex);
  return fd;
}

#define MODE(flags) ({ \
  mode_t mode = 0; \
  if ((flags) & (O_CREAT | __O_TMPFILE)) { \
    va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); \
  } \
  mode; \
})

int open(const char *path, int flags, ...) { return open_any(AT_FDCWD, path, flags, MODE(flags)); }
int open64(const char *path, int flags, ...) { return open_any(AT_FDCWD, path, flags, MODE(flags)); }
int openat(int at, const char *path, int flags, ...) { return open_any(at, path, flags, MODE(flags)); }
int openat64(int at, const char *path, int flags, ...) { return open_any(at, path, flags, MODE(flags)); }

/* Deno works on duplicates of its descriptors. */
static int fcntl_any(int fd, int command, long argument) {
  int result = syscall(SYS_fcntl, fd, command, argument);
  const char *name = name_of(fd);
  if ((command == F_DUPFD || command == F_DUPFD_CLOEXEC) && name && result >= 0 && result < FDS) {
    pthread_mutex_lock(&mutex);
    free(names[result]);
    names[result] = strdup(name);
    pthread_mutex_unlock(&mutex);
  }
  return result;
}
#define ARGUMENT(command) ({ \
  va_list rest; va_start(rest, command); long argument = va_arg(rest, long); va_end(rest); argument; \
})
int fcntl(int fd, int command, ...) { return fcntl_any(fd, command, ARGUMENT(command)); }
int fcntl64(int fd, int command, ...) { return fcntl_any(fd, command, ARGUMENT(command)); }

int close(int fd) {
  if (name_of(fd)) {
    pthread_mutex_lock(&mutex);
    free(names[fd]);
    names[fd] = NULL;
    pthread_mutex_unlock(&mutex);
  }
  return syscall(SYS_close, fd);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
  const char *name = name_of(fd);
  if (!name) return syscall(SYS_pwrite64, fd, data, length, offset);
  if (fails(WRITE)) return -1;
  return NOTED((ssize_t)syscall(SYS_pwrite64, fd, data, length, offset), 'w', name, offset, data, result);
}
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) {
  return pwrite64(fd, data, length, offset);
}

ssize_t write(int fd, const void *data, size_t length) {
  const char *name = name_of(fd);
  if (!name && (fd != 1 || log_fd < 0)) return syscall(SYS_write, fd, data, length);
  if (!name) return NOTED((ssize_t)syscall(SYS_write, fd, data, length), 'm', "", 0, data, result);
  if (fails(WRITE)) return -1;
  return NOTED((ssize_t)syscall(SYS_write, fd, data, length), 'w', name,
               lseek64(fd, 0, SEEK_CUR) - result, data, result);
}

int ftruncate64(int fd, off64_t size) {
  const char *name = name_of(fd);
  if (!name) return syscall(SYS_ftruncate, fd, size);
  if (fails(TRUNCATE)) return -1;
  return NOTED((int)syscall(SYS_ftruncate, fd, size), 't', name, size, "", 0);
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

static int sync_any(int fd, long number) {
  const char *name = name_of(fd);
  if (!name) return syscall(number, fd);
  if (fails(SYNC)) return -1;
  /* Recorded as done, not waited for: what a disk would have is worked out from the log. */
  if (log_fd >= 0) return NOTED(0, 's', name, 0, "", 0);
  return syscall(number, fd);
}
int fsync(int fd) { return sync_any(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_any(fd, SYS_fdatasync); }

int unlinkat(int at, const char *path, int flags) {
  const char *name = tracked(path);
  if (!name) return syscall(SYS_unlinkat, at, path, flags);
  if (fails(UNLINK)) return -1;
  return NOTED((int)syscall(SYS_unlinkat, at, path, flags), 'u', name, 0, "", 0);
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }

int rename(const char *from, const char *to) {
  const char *old = tracked(from), *name = tracked(to);
  if (!old || !name) return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
  return NOTED((int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0), 'r', name, 0, old,
               strlen(old));
}

int mkdir(const char *path, mode_t mode) {
  const char *name = tracked(path);
  if (!name) return syscall(SYS_mkdirat, AT_FDCWD, path, mode);
  return NOTED((int)syscall(SYS_mkdirat, AT_FDCWD, path, mode), 'd', name, 0, "", 0);
}

/* Two clocks, each by itself. Whoever sleeps until a moment of the second one sleeps longer. */
int clock_gettime(clockid_t id, struct timespec *time) {
  int result = syscall(SYS_clock_gettime, id, time);
  if (control && id == CLOCK_MONOTONIC) time->tv_sec += control->ahead_s;
  if (control && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) time->tv_sec += control->clock_s;
  return result;
}
int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  struct timespec now;
  (void)zone;
  int result = clock_gettime(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return result;
}
