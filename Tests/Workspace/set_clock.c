// Preloaded into a program, sets its wall clock: the time of day is SET_CLOCK_BY seconds ahead of the machine's, or behind when that is
// negative. Times of files are shifted alike. Monotonic clocks, and with them all timers, are real, as they are when somebody sets
// the clock of a machine. Tools/calendar compiles and uses it. The clock jumps while the program runs where SET_CLOCK_FILE names a file with
// the seconds, as a number of 64 bits: whoever changes the file sets the clock (Tests/Faults/client_faults.py).
#define _GNU_SOURCE 1
#include <dlfcn.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t fixed;
static const volatile int64_t *hand = &fixed;
#define offset (*hand)

__attribute__((constructor)) static void read_offset(void) {
    const char *text = getenv("SET_CLOCK_BY"), *path = getenv("SET_CLOCK_FILE");
    if (text) fixed = atol(text);
    if (!path) return;
    int file = open(path, O_RDONLY);
    void *mapped = mmap(NULL, sizeof fixed, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (mapped == MAP_FAILED) abort();
    hand = mapped;
}

// The next function of that name is the system's.
#define REAL(name, type, ...)                                     \
    static type (*real)(__VA_ARGS__);                             \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL("clock_gettime", int, clockid_t, struct timespec *);
    int result = real(clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI)) now->tv_sec += offset;
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    REAL("gettimeofday", int, struct timeval *, void *);
    int result = real(now, zone);
    if (result == 0) now->tv_sec += offset;
    return result;
}

time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result) *result = now.tv_sec;
    return now.tv_sec;
}

// The kernel goes by its own clock.
int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until) {
    REAL("sem_timedwait", int, sem_t *, const struct timespec *);
    struct timespec shifted = { .tv_sec = until->tv_sec - offset, .tv_nsec = until->tv_nsec };
    return real(semaphore, &shifted);
}

static int shift(int result, struct stat *status) {
    if (result == 0) {
        status->st_atim.tv_sec += offset;
        status->st_mtim.tv_sec += offset;
        status->st_ctim.tv_sec += offset;
    }
    return result;
}

int stat(const char *restrict path, struct stat *restrict status) {
    REAL("stat", int, const char *, struct stat *);
    return shift(real(path, status), status);
}

int lstat(const char *restrict path, struct stat *restrict status) {
    REAL("lstat", int, const char *, struct stat *);
    return shift(real(path, status), status);
}

int fstat(int descriptor, struct stat *status) {
    REAL("fstat", int, int, struct stat *);
    return shift(real(descriptor, status), status);
}
