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

/// Waits until there is something to read, or for so many nanoseconds: 1 when there is, 0 when the time is over. Whoever needs the
/// time to be kept sets the thread's timer slack, too.
int crmq_wait_readable(int fd, int64_t nanoseconds);

// ---- what wakes a loop, and what must not end the process

int crmq_eventfd(void);
int crmq_eventfd_signal(int fd);
int crmq_eventfd_drain(int fd);
/// Writes to a closed socket fail with EPIPE instead of ending the process.
void crmq_ignore_sigpipe(void);
/// Whether the process was started with the signal ignored, or ignores it by now.
int crmq_signal_is_ignored(int number);

// ---- sockets

int crmq_socket_stream(int family);
/// `address` has room for a sockaddr_storage and receives the peer's address.
int crmq_accept(int fd, void *address);
int crmq_set_nodelay(int fd);
int crmq_set_reuse_address(int fd);
/// What was sent and is not acknowledged within this time ends the connection.
int crmq_set_user_timeout(int fd, int milliseconds);
/// The pending error of a socket as a positive errno; 0 when there is none.
int crmq_socket_error(int fd);
/// Milliseconds since bytes arrived last on a TCP connection; a negative errno where that is not known.
int crmq_milliseconds_since_data(int fd);
long crmq_read(int fd, void *bytes, size_t count);
long crmq_write(int fd, const void *bytes, size_t count);
long crmq_send(int fd, const void *bytes, size_t count);

// ---- files and memory

int crmq_open(const char *path, int flags, unsigned int mode);
int crmq_fallocate(int fd, int64_t offset, int64_t count);
/// Writes at a place of its own; returns how many bytes, which may be fewer.
long crmq_pwrite(int fd, const void *bytes, size_t count, int64_t offset);
/// Has a range written to the disk soon. Promises nothing: only a sync tells that it is there.
int crmq_start_write_back(int fd, int64_t offset, int64_t count);
/// Writes back everything of the file system that the file is on, and waits for it.
int crmq_syncfs(int fd);
int crmq_populate_write(void *address, size_t count);
/// Reads the pages of a mapping into memory and waits for them; EINVAL before Linux 5.14.
int crmq_populate_read(void *address, size_t count);
/// One byte a page of 4 KiB into `pages`: odd when the page is in memory.
int crmq_mincore(void *address, size_t count, unsigned char *pages);
int crmq_madvise(void *address, size_t count, int advice);
int crmq_lock_memory(const void *address, size_t count);

// ---- threads and the process

/// Sleeps while `*word` is `expected`, until it is woken or for `nanoseconds` (negative: for ever); may return early.
int crmq_futex_wait(const uint32_t *word, uint32_t expected, int64_t nanoseconds);
/// Wakes one sleeper.
int crmq_futex_wake(const uint32_t *word);
/// Takes one from a `sem_t`; -ETIMEDOUT when the monotonic clock, in nanoseconds, reaches `until` before there is one.
int crmq_semaphore_wait(void *semaphore, int64_t until);
/// Names the calling thread; the kernel keeps the first 15 bytes, so give no more.
int crmq_set_thread_name(const char *name);
/// By how much the kernel may delay the calling thread's time-outs, to wake it less often; usually 50,000.
int crmq_set_timer_slack(unsigned long nanoseconds);

#endif
