// The Linux calls that Swift's Glibc overlay lacks: one-line shims, no logic.
//
// The header names no type of the system's headers, so that they belong to one module, Glibc, whoever imports this.
// Every shim that can fail returns -errno instead of -1, so that no Swift code runs between the call and the read of errno.
#ifndef CRMQSYSTEM_H
#define CRMQSYSTEM_H

#include <stddef.h>
#include <stdint.h>

// ---- epoll

static const uint32_t CRMQ_EPOLL_IN = 0x001;
static const uint32_t CRMQ_EPOLL_OUT = 0x004;
static const uint32_t CRMQ_EPOLL_ERR = 0x008;
static const uint32_t CRMQ_EPOLL_HUP = 0x010;
/// The peer will send no more.
static const uint32_t CRMQ_EPOLL_RDHUP = 0x2000;
/// Report changes only, not states.
static const uint32_t CRMQ_EPOLL_EDGE = 0x80000000u;

/// One readiness event; `data` is what was given when the descriptor was added.
typedef struct { uint32_t events; uint64_t data; } crmq_event;

int crmq_epoll_create(void);

int crmq_epoll_add(int epoll, int fd, uint32_t events, uint64_t data);

int crmq_epoll_modify(int epoll, int fd, uint32_t events, uint64_t data);

int crmq_epoll_remove(int epoll, int fd);

/// Waits for up to `count` events, at most 256 a call; `timeout` in milliseconds, -1 for ever.
int crmq_epoll_wait(int epoll, crmq_event *events, int count, int timeout);

// ---- descriptors that wake a loop

int crmq_eventfd(void);
int crmq_eventfd_signal(int fd);
int crmq_eventfd_drain(int fd);

int crmq_timerfd(void);
/// Fires once at the absolute monotonic time; 0 disarms.
int crmq_timerfd_set(int fd, uint64_t nanoseconds);

/// Blocks SIGTERM, SIGINT and SIGHUP in the calling thread (and those it starts later) and returns a descriptor that reports them.
int crmq_signalfd_for_stop(void);
/// Waits for the next signal of that descriptor and returns its number.
int crmq_signalfd_wait(int fd);
/// Writes to a closed socket fail with EPIPE instead of ending the process.
void crmq_ignore_sigpipe(void);

// ---- sockets

int crmq_socket_stream(int family);
/// `address` has room for a sockaddr_storage and receives the peer's address.
int crmq_accept(int fd, void *address);
int crmq_socket_option(int fd, int level, int name, int value);
int crmq_set_nodelay(int fd);
int crmq_set_reuse_address(int fd);
int crmq_set_keepalive(int fd);
/// The pending error of a socket as a positive errno; 0 when there is none.
int crmq_socket_error(int fd);
long crmq_read(int fd, void *bytes, size_t count);
long crmq_write(int fd, const void *bytes, size_t count);
/// `parts` points to `count` values of struct iovec.
long crmq_writev(int fd, const void *parts, int count);
long crmq_send(int fd, const void *bytes, size_t count);

// ---- files and memory

int crmq_open(const char *path, int flags, unsigned int mode);
int crmq_fallocate(int fd, int64_t offset, int64_t count);
/// Starts write-back of a range without waiting for it.
int crmq_start_writeback(int fd, int64_t offset, int64_t count);
int crmq_fdatasync(int fd);
/// Writes back everything of the file system that the file is on, and waits for it.
int crmq_syncfs(int fd);
int crmq_populate_write(void *address, size_t count);
int crmq_populate_read(void *address, size_t count);
int crmq_madvise(void *address, size_t count, int advice);
/// Maps a file shared; NULL on failure, with the errno in `code`.
void *crmq_map(int fd, size_t count, int writable, int *code);
int crmq_lock_memory(const void *address, size_t count);
/// Takes the exclusive lock of an open file description; -EWOULDBLOCK when another holds it.
int crmq_flock_exclusive(int fd);
/// Takes the exclusive record lock of bytes 0..<1 (what Java's FileChannel.tryLock takes); -EAGAIN or -EACCES when another process holds it.
int crmq_lock_first_byte(int fd);

// ---- threads and the process

int crmq_gettid(void);
/// Sleeps while `*word` is `expected`, until it is woken or for `nanoseconds` (negative: for ever); may return early.
int crmq_futex_wait(const uint32_t *word, uint32_t expected, int64_t nanoseconds);
/// Wakes one sleeper.
int crmq_futex_wake(const uint32_t *word);
/// Names the calling thread; the kernel keeps the first 15 bytes, so give no more.
int crmq_set_thread_name(const char *name);
void crmq_trim_heap(void);
int crmq_errno(void);

#endif
