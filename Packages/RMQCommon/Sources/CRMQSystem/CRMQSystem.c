// The Linux calls that Swift's Glibc overlay lacks: one-line shims, no logic.
#define _GNU_SOURCE 1
#include "CRMQSystem.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static int crmq_result(long result) { return result < 0 ? -errno : (int)result; }

// ---- epoll

int crmq_epoll_create(void) { return crmq_result(epoll_create1(EPOLL_CLOEXEC)); }

int crmq_epoll_add(int epoll, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event = { .events = events, .data = { .u64 = data } };
    return crmq_result(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

int crmq_epoll_modify(int epoll, int fd, uint32_t events, uint64_t data) {
    struct epoll_event event = { .events = events, .data = { .u64 = data } };
    return crmq_result(epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event));
}

int crmq_epoll_remove(int epoll, int fd) {
    struct epoll_event event = { 0 };
    return crmq_result(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &event));
}

int crmq_epoll_wait(int epoll, crmq_event *events, int count, int timeout) {
    struct epoll_event raw[256];
    int found = epoll_wait(epoll, raw, count < 256 ? count : 256, timeout);
    if (found < 0) return -errno;
    for (int i = 0; i < found; i++) { events[i].events = raw[i].events; events[i].data = raw[i].data.u64; }
    return found;
}

int crmq_wait_readable(int fd, int64_t nanoseconds) {
    struct pollfd wish = { .fd = fd, .events = POLLIN };
    struct timespec time = { .tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000 };
    return crmq_result(ppoll(&wish, 1, &time, 0));
}

// ---- what wakes a loop, and what must not end the process

int crmq_eventfd(void) { return crmq_result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }
int crmq_eventfd_signal(int fd) { uint64_t one = 1; return crmq_result(write(fd, &one, sizeof one)); }
int crmq_eventfd_drain(int fd) { uint64_t seen; return crmq_result(read(fd, &seen, sizeof seen)); }
void crmq_ignore_sigpipe(void) { signal(SIGPIPE, SIG_IGN); }
int crmq_signal_is_ignored(int number) { struct sigaction now; return sigaction(number, 0, &now) == 0 && now.sa_handler == SIG_IGN; }

// ---- sockets

int crmq_socket_stream(int family) { return crmq_result(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)); }
int crmq_accept(int fd, void *address) {
    socklen_t length = sizeof(struct sockaddr_storage);
    return crmq_result(accept4(fd, (struct sockaddr *)address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
}
static int crmq_socket_option(int fd, int level, int name, int value) { return crmq_result(setsockopt(fd, level, name, &value, sizeof value)); }
int crmq_set_nodelay(int fd) { return crmq_socket_option(fd, IPPROTO_TCP, TCP_NODELAY, 1); }
int crmq_set_reuse_address(int fd) { return crmq_socket_option(fd, SOL_SOCKET, SO_REUSEADDR, 1); }
int crmq_set_user_timeout(int fd, int milliseconds) { return crmq_socket_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, milliseconds); }
int crmq_socket_error(int fd) {
    int code = 0; socklen_t length = sizeof code;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length) < 0 ? errno : code;
}
int crmq_milliseconds_since_data(int fd) {
    struct tcp_info info; socklen_t length = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0) return -errno;
    return info.tcpi_last_data_recv < 0x7FFFFFFF ? (int)info.tcpi_last_data_recv : 0x7FFFFFFF;
}
long crmq_read(int fd, void *bytes, size_t count) { ssize_t n = read(fd, bytes, count); return n < 0 ? -errno : n; }
long crmq_write(int fd, const void *bytes, size_t count) { ssize_t n = write(fd, bytes, count); return n < 0 ? -errno : n; }
long crmq_send(int fd, const void *bytes, size_t count) { ssize_t n = send(fd, bytes, count, MSG_NOSIGNAL); return n < 0 ? -errno : n; }

// ---- files and memory

int crmq_open(const char *path, int flags, unsigned int mode) { return crmq_result(open(path, flags | O_CLOEXEC, mode)); }
int crmq_fallocate(int fd, int64_t offset, int64_t count) { return crmq_result(fallocate(fd, 0, offset, count)); }
long crmq_pwrite(int fd, const void *bytes, size_t count, int64_t offset) {
    ssize_t written = pwrite(fd, bytes, count, offset);
    return written < 0 ? -errno : written;
}
int crmq_start_write_back(int fd, int64_t offset, int64_t count) {
    return crmq_result(sync_file_range(fd, offset, count, SYNC_FILE_RANGE_WRITE));
}
int crmq_syncfs(int fd) { return crmq_result(syncfs(fd)); }
int crmq_populate_write(void *address, size_t count) { return crmq_result(madvise(address, count, MADV_POPULATE_WRITE)); }
int crmq_populate_read(void *address, size_t count) { return crmq_result(madvise(address, count, MADV_POPULATE_READ)); }
int crmq_mincore(void *address, size_t count, unsigned char *pages) { return crmq_result(mincore(address, count, pages)); }
int crmq_madvise(void *address, size_t count, int advice) { return crmq_result(madvise(address, count, advice)); }
int crmq_lock_memory(const void *address, size_t count) { return crmq_result(mlock(address, count)); }

// ---- threads and the process

int crmq_futex_wait(const uint32_t *word, uint32_t expected, int64_t nanoseconds) {
    struct timespec time = { .tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000 };
    return crmq_result(syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, nanoseconds < 0 ? 0 : &time));
}
int crmq_futex_wake(const uint32_t *word) { return crmq_result(syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1)); }
int crmq_semaphore_wait(void *semaphore, int64_t until) {
    struct timespec time = { .tv_sec = until / 1000000000, .tv_nsec = until % 1000000000 };
    return crmq_result(sem_clockwait(semaphore, CLOCK_MONOTONIC, &time));
}
int crmq_set_thread_name(const char *name) { return -pthread_setname_np(pthread_self(), name); }
int crmq_set_timer_slack(unsigned long nanoseconds) { return crmq_result(prctl(PR_SET_TIMERSLACK, nanoseconds, 0, 0, 0)); }
