// The log of the C yardstick: records and queue entries of the size that a broker stores, and no more work than that takes.
//
//   FOLDER/00000000000000000000 ...   the log: segments of 1 GiB, allocated ahead of need, each named by its first byte's position
//   FOLDER/queue                      one entry of 20 bytes a record, through a mapping; starts again at its top when it is full
//
// One thread stages the records of one read and writes them with one pwrite. A second thread starts the write-back of what is
// new every 20 ms and calls fdatasync every 500 ms, so that neither has much to do at once. A third one allocates the next
// segment, so that neither a roll nor a sync waits for it. Checksums and queue offsets are left at 0: they are no bytes less.
#define _GNU_SOURCE
#include "log.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
    SEGMENT_BYTES = 1 << 30,
    ENTRY_BYTES = 20,
    // Twelve million entries: more than a load of a few seconds writes.
    QUEUE_BYTES = ENTRY_BYTES * (12 << 20),
    // More than the records of one read: see READ_BYTES and WRITE_BYTES in epoll.c.
    STAGED_BYTES = 2 << 20,
    // What a broker keeps free at a segment's end: the size of the rest and a magic number.
    FILLER_BYTES = 8,
    // All of a record but topic, body and properties, with two IPv4 addresses.
    FIXED_BYTES = 91,
    WRITE_BACK_MILLISECONDS = 20,
    SYNC_MILLISECONDS = 500,
};

typedef struct segment {
    int descriptor;
    _Atomic size_t written;          // by the writer
    size_t started, synced;          // by the second thread: where write-back and fdatasync have come to
    _Atomic(struct segment *) next;  // set by the writer, which never touches this segment again
} segment;

static const char *folder;
static segment *current;
static int64_t current_start;
static uint8_t staged[STAGED_BYTES];
static size_t staged_bytes;
static uint64_t stored_at;
static uint8_t *queue;
static size_t queue_at;

// The next segment, from the third thread to the writer.
static segment *spare;
static pthread_mutex_t spare_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t spare_changed = PTHREAD_COND_INITIALIZER;

// Nothing may be acknowledged after an error, so there is nothing to go on with.
static void fail(const char *what) {
    fprintf(stderr, "epoll: %s in %s: %s\n", what, folder, strerror(errno));
    exit(1);
}

static int allocate(const char *name, int64_t bytes) {
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof path) return errno = ENAMETOOLONG, -1;
    int descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (descriptor < 0 || fallocate(descriptor, 0, 0, bytes) == 0) return descriptor;
    int reason = errno;
    close(descriptor);
    unlink(path);
    return errno = reason, -1;
}

static segment *make_segment(int64_t start) {
    char name[24];
    snprintf(name, sizeof name, "%020lld", (long long)start);
    segment *made = calloc(1, sizeof *made);
    if (!made || (made->descriptor = allocate(name, SEGMENT_BYTES)) < 0) fail("no new segment");
    return made;
}

static void *allocate_ahead(void *unused) {
    for (int64_t start = SEGMENT_BYTES;; start += SEGMENT_BYTES) {
        segment *made = make_segment(start);
        pthread_mutex_lock(&spare_lock);
        spare = made;
        pthread_cond_signal(&spare_changed);
        while (spare) pthread_cond_wait(&spare_changed, &spare_lock);
        pthread_mutex_unlock(&spare_lock);
    }
    return unused;
}

static segment *take_spare(void) {
    pthread_mutex_lock(&spare_lock);
    while (!spare) pthread_cond_wait(&spare_changed, &spare_lock);
    segment *taken = spare;
    spare = NULL;
    pthread_cond_signal(&spare_changed);
    pthread_mutex_unlock(&spare_lock);
    return taken;
}

static void *write_back(void *first) {
    segment *oldest = first;
    for (unsigned round = 1;; round++) {
        const struct timespec pause = {.tv_nsec = WRITE_BACK_MILLISECONDS * 1000000L};
        nanosleep(&pause, NULL);
        int syncs = round % (SYNC_MILLISECONDS / WRITE_BACK_MILLISECONDS) == 0;
        for (segment *each = oldest; each; each = atomic_load(&each->next)) {
            size_t end = atomic_load(&each->written);
            if (end > each->started && sync_file_range(each->descriptor, (off_t)each->started, (off_t)(end - each->started), SYNC_FILE_RANGE_WRITE))
                fail("sync_file_range");
            each->started = end;
            if (!syncs || end == each->synced) continue;
            if (fdatasync(each->descriptor)) fail("fdatasync");
            each->synced = end;
        }
        for (segment *next; (next = atomic_load(&oldest->next)) && oldest->synced == atomic_load(&oldest->written); oldest = next) {
            close(oldest->descriptor);
            free(oldest);
        }
    }
    return NULL;
}

int log_open(const char *path) {
    folder = path;
    int descriptor = allocate("queue", QUEUE_BYTES);
    if (descriptor < 0) return fprintf(stderr, "epoll: no queue in %s: %s\n", folder, strerror(errno)), -1;
    queue = mmap(NULL, QUEUE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (queue == MAP_FAILED) return perror("epoll: mmap"), -1;
    current = make_segment(0);
    pthread_t thread;
    if (pthread_create(&thread, NULL, allocate_ahead, NULL) || pthread_detach(thread) ||
        pthread_create(&thread, NULL, write_back, current) || pthread_detach(thread))
        return fprintf(stderr, "epoll: no thread\n"), -1;
    return 0;
}

static void write_all(const uint8_t *bytes, size_t count) {
    size_t at = atomic_load_explicit(&current->written, memory_order_relaxed);
    for (size_t done = 0; done < count;) {
        ssize_t written = pwrite(current->descriptor, bytes + done, count - done, (off_t)(at + done));
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) fail("pwrite");
        done += (size_t)written;
    }
    atomic_store(&current->written, at + count);
}

void log_write(void) {
    if (!staged_bytes) return;
    int64_t position = current_start + (int64_t)atomic_load_explicit(&current->written, memory_order_relaxed);
    write_all(staged, staged_bytes);
    for (size_t at = 0, size; at < staged_bytes; at += size) {
        size = word(staged + at);
        uint8_t *entry = put_long(queue + queue_at, (uint64_t)position + at);
        put_long(put(entry, (uint32_t)size), 0);
        queue_at = (queue_at + ENTRY_BYTES) % QUEUE_BYTES;
    }
    staged_bytes = 0;
}

static void roll(void) {
    log_write();
    uint8_t filler[FILLER_BYTES];
    put(put(filler, (uint32_t)(SEGMENT_BYTES - atomic_load(&current->written))), 0xCBD43194);
    write_all(filler, sizeof filler);
    segment *next = take_spare();
    atomic_store(&current->next, next);  // now the second thread may close it
    current = next;
    current_start += SEGMENT_BYTES;
}

// What a broker adds to the properties.
static const char cluster[] = "CLUSTER\1DefaultCluster";

// Whether the sender waits for the disk is not stored; mqbench says so in its last property.
static slice without_wish(slice properties) {
    static const char wish[] = "WAIT\1true";
    size_t count = properties.count;
    if (count && properties.at[count - 1] == 2) count--;
    if (count >= sizeof wish - 1 && !memcmp(properties.at + count - (sizeof wish - 1), wish, sizeof wish - 1))
        properties.count = count - (sizeof wish - 1);
    return properties;
}

// Big endian, in the order of a broker's log:
// size, magic, checksum, queue id, flag, queue offset (8), position (8), system flag, born (8), born host (8), stored (8),
// store host (8), reconsumed, prepared (8), body size, body, topic size (1), topic, properties size (2), properties
int log_stage(const log_message *message) {
    slice properties = without_wish(message->properties);
    size_t separator = properties.count > 0 && properties.at[properties.count - 1] != 2;
    size_t properties_bytes = properties.count + separator + sizeof cluster - 1;
    if (message->topic.count > 127 || properties_bytes > 32767) return -1;
    size_t size = FIXED_BYTES + message->body.count + message->topic.count + properties_bytes;
    if (size > STAGED_BYTES) return -1;
    if (staged_bytes + size > STAGED_BYTES) log_write();
    if (atomic_load_explicit(&current->written, memory_order_relaxed) + staged_bytes + size + FILLER_BYTES > SEGMENT_BYTES) roll();
    if (!staged_bytes) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME_COARSE, &now);
        stored_at = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    }
    const uint64_t host = (uint64_t)0x7F000001 << 32 | 10911;
    uint64_t position = (uint64_t)current_start + atomic_load_explicit(&current->written, memory_order_relaxed) + staged_bytes;
    uint8_t *at = put(put(put(staged + staged_bytes, (uint32_t)size), 0xDAA320A7), 0);
    at = put(put(at, (uint32_t)message->queue_id), (uint32_t)message->flag);
    at = put(put_long(put_long(at, 0), position), (uint32_t)message->system_flag);
    at = put_long(put_long(put_long(put_long(at, (uint64_t)message->born), host), stored_at), host);
    at = put_long(put(at, (uint32_t)message->reconsumed), 0);
    at = put_slice(put(at, (uint32_t)message->body.count), message->body);
    *at++ = (uint8_t)message->topic.count;
    at = put_slice(at, message->topic);
    *at++ = (uint8_t)(properties_bytes >> 8), *at++ = (uint8_t)properties_bytes;
    at = put_slice(at, properties);
    if (separator) *at++ = 2;
    memcpy(at, cluster, sizeof cluster - 1);
    staged_bytes += size;
    return 0;
}
