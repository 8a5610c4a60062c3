// What a disk certainly holds: a record of every sync that a process did, kept beside its files.
//
// Preloaded into a process that has a store open below $SHADOW_STORE. The page cache (the files themselves) is what the
// process sees; $SHADOW_DISK collects what must survive a power failure:
//
//     i<inode>   the content of a file as of its last successful syncs: msync of a range, fsync, fdatasync
//     d<inode>   the names in a directory as of its last successful fsync, one "<inode> <d|f> <name>" a line
//     g<inode>   what was removed or renamed over: kept, since its removal may not have reached the disk
//
// Content is copied before a sync begins and recorded after it succeeds: what another thread writes meanwhile is not
// promised, nor is anything that was only written or whose write-back was only started. Names are durable with their directory's
// fsync and not before; nothing is assumed about a file system's journal.
// $SHADOW_CUT ends the process with SIGKILL at the n-th point: before or after such a call, or in the middle of a write, of
// which the page cache then has the first pages. $SHADOW_SHORT makes one write to the log in so many a short one. $SHADOW_DELAY makes
// syncs last up to so many microseconds. Raw system calls below, so that nothing here calls itself.
#define _GNU_SOURCE 1
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOCKS 64
#define MAPPINGS 65536

struct mapping { char *base; size_t length; ino_t inode; };

static struct mapping mappings[MAPPINGS];
static int mapping_count;
static pthread_mutex_t mapping_lock = PTHREAD_MUTEX_INITIALIZER;
// Two syncs of one file must be recorded in the order in which they were done.
static pthread_mutex_t file_locks[LOCKS] = { [0 ... LOCKS - 1] = PTHREAD_MUTEX_INITIALIZER };
static const char *store, *disk;
static long cut_at, delay_limit, short_writes;
static long points;

__attribute__((constructor)) static void read_environment(void) {
    store = getenv("SHADOW_STORE");
    disk = getenv("SHADOW_DISK");
    cut_at = getenv("SHADOW_CUT") ? atol(getenv("SHADOW_CUT")) : 0;
    short_writes = getenv("SHADOW_SHORT") ? atol(getenv("SHADOW_SHORT")) : 0;
    delay_limit = getenv("SHADOW_DELAY") ? atol(getenv("SHADOW_DELAY")) : 0;
}

// Whether this point is the one to be killed at.
static int is_cut(void) { return cut_at && __atomic_add_fetch(&points, 1, __ATOMIC_RELAXED) == cut_at; }

static void point(void) {
    if (is_cut()) kill(getpid(), SIGKILL);
}

static unsigned number_below(unsigned limit) {
    static __thread unsigned seed;
    if (!seed) seed = (unsigned)(long)&seed ^ (unsigned)cut_at;
    return rand_r(&seed) % limit;
}

static void delay(void) {
    if (delay_limit) usleep(number_below(delay_limit));
}

static int is_ours(const char *path) { return store && strncmp(path, store, strlen(store)) == 0; }

// The path of a descriptor, if it is below the store; else 0.
static const char *our_path(int fd, char path[4096]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, 4095);
    if (length < 0) return 0;
    path[length] = 0;
    return is_ours(path) ? path : 0;
}

static int descriptor_is_ours(int fd) {
    char path[4096];
    return our_path(fd, path) != 0;
}

static void shadow_name(char *name, char kind, ino_t inode) { snprintf(name, 4096, "%s/%c%lu", disk, kind, (unsigned long)inode); }

static pthread_mutex_t *lock_of(ino_t inode) { return &file_locks[inode % LOCKS]; }

static void fail(const char *what) { perror(what); abort(); }

static void record_content(ino_t inode, const char *bytes, size_t count, off_t offset, off_t size, int truncates) {
    char name[4096];
    struct stat status;
    shadow_name(name, 'i', inode);
    int fd = syscall(SYS_openat, AT_FDCWD, name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || fstat(fd, &status)) fail(name);
    if ((status.st_size < size || truncates) && syscall(SYS_ftruncate, fd, size)) fail(name);
    while (count > 0) {
        ssize_t written = syscall(SYS_pwrite64, fd, bytes, count, offset);
        if (written <= 0) fail(name);
        bytes += written; count -= written; offset += written;
    }
    syscall(SYS_close, fd);
}

// ---- mappings

static void *map(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
    void *base = (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
    if (base == MAP_FAILED || fd < 0 || !(flags & MAP_SHARED) || !(protection & PROT_WRITE) || !descriptor_is_ours(fd)) return base;
    struct stat status;
    if (fstat(fd, &status)) fail("fstat");
    pthread_mutex_lock(&mapping_lock);
    if (mapping_count == MAPPINGS) fail("too many mappings");
    mappings[mapping_count++] = (struct mapping){ base, length, status.st_ino };
    pthread_mutex_unlock(&mapping_lock);
    return base;
}
void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) { return map(address, length, protection, flags, fd, offset); }
void *mmap64(void *address, size_t length, int protection, int flags, int fd, off_t offset) { return map(address, length, protection, flags, fd, offset); }

int munmap(void *base, size_t length) {
    pthread_mutex_lock(&mapping_lock);
    for (int i = 0; i < mapping_count; i++)
        if (mappings[i].base == base) { mappings[i] = mappings[--mapping_count]; break; }
    pthread_mutex_unlock(&mapping_lock);
    return syscall(SYS_munmap, base, length);
}

int msync(void *address, size_t length, int flags) {
    struct mapping found = { 0 };
    pthread_mutex_lock(&mapping_lock);
    for (int i = 0; i < mapping_count; i++)
        if ((char *)address >= mappings[i].base && (char *)address < mappings[i].base + mappings[i].length) found = mappings[i];
    pthread_mutex_unlock(&mapping_lock);
    if (!found.base || !(flags & MS_SYNC)) return syscall(SYS_msync, address, length, flags);
    size_t start = (char *)address - found.base;
    if (start + length > found.length) length = found.length - start;
    point();
    pthread_mutex_lock(lock_of(found.inode));
    char *copy = malloc(length);
    memcpy(copy, address, length);
    delay();
    int result = syscall(SYS_msync, address, length, flags);
    int code = errno;
    if (result == 0) record_content(found.inode, copy, length, start, found.length, 0);
    pthread_mutex_unlock(lock_of(found.inode));
    free(copy);
    point();
    errno = code;
    return result;
}

// ---- writes at a place

static ssize_t write_at(int fd, const char *bytes, size_t count, off_t offset) {
    char path[4096];
    if (!our_path(fd, path)) return syscall(SYS_pwrite64, fd, bytes, count, offset);
    if (is_cut()) {
        // The kernel looks for a deadly signal between two pages.
        size_t pages = number_below((count + 4095) / 4096 + 1), part = pages == 0 ? 0 : pages * 4096 - offset % 4096;
        syscall(SYS_pwrite64, fd, bytes, part < count ? part : count, offset);
        kill(getpid(), SIGKILL);
    }
    if (short_writes && count > 1 && strstr(path, "/commitlog/") && number_below(short_writes) == 0) count = 1 + number_below(count - 1);
    return syscall(SYS_pwrite64, fd, bytes, count, offset);
}
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { return write_at(fd, bytes, count, offset); }
ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t offset) { return write_at(fd, bytes, count, offset); }

int sync_file_range(int fd, off_t offset, off_t count, unsigned flags) {
    if (descriptor_is_ours(fd)) point();
    return syscall(SYS_sync_file_range, fd, offset, count, flags);
}

// ---- files and directories

static char *names_in(int fd, size_t *count) {
    char link[64], *text = 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    DIR *folder = opendir(link);
    FILE *stream = open_memstream(&text, count);
    if (!folder || !stream) fail(link);
    for (struct dirent *entry; (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            fprintf(stream, "%lu %c %s\n", (unsigned long)entry->d_ino, entry->d_type == DT_DIR ? 'd' : 'f', entry->d_name);
    closedir(folder);
    fclose(stream);
    return text;
}

static char *content_of(int fd, size_t size) {
    char *bytes = malloc(size + 1);
    for (size_t done = 0; done < size;) {
        ssize_t count = syscall(SYS_pread64, fd, bytes + done, size - done, done);
        if (count < 0) {   // opened for writing only
            char link[64];
            snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
            int again = syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC, 0);
            if (again < 0) fail(link);
            free(bytes);
            bytes = content_of(again, size);
            syscall(SYS_close, again);
            return bytes;
        }
        if (count == 0) { memset(bytes + done, 0, size - done); break; }
        done += count;
    }
    return bytes;
}

static void record_names(ino_t inode, const char *names, size_t count) {
    char name[4096], temporary[4200];
    shadow_name(name, 'd', inode);
    snprintf(temporary, sizeof temporary, "%s.tmp", name);
    int fd = syscall(SYS_openat, AT_FDCWD, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || syscall(SYS_write, fd, names, count) != (long)count) fail(temporary);
    syscall(SYS_close, fd);
    if (syscall(SYS_renameat2, AT_FDCWD, temporary, AT_FDCWD, name, 0)) fail(name);
}

static int synchronize(int fd, long call) {
    struct stat status;
    if (!descriptor_is_ours(fd) || fstat(fd, &status)) return syscall(call, fd);
    point();
    pthread_mutex_lock(lock_of(status.st_ino));
    size_t count = status.st_size;
    int is_directory = S_ISDIR(status.st_mode);
    char *copy = is_directory ? names_in(fd, &count) : content_of(fd, count);
    delay();
    int result = syscall(call, fd);
    int code = errno;
    if (result == 0 && is_directory) record_names(status.st_ino, copy, count);
    if (result == 0 && !is_directory) record_content(status.st_ino, copy, count, 0, count, 1);
    pthread_mutex_unlock(lock_of(status.st_ino));
    free(copy);
    point();
    errno = code;
    return result;
}
int fsync(int fd) { return synchronize(fd, SYS_fsync); }
int fdatasync(int fd) { return synchronize(fd, SYS_fdatasync); }

// ---- names

// Keeps what is removed, so that its inode number is not given to another file and its content can come back.
static int bury(const char *path, int expects_directory) {
    struct stat status;
    char grave[4096];
    if (lstat(path, &status)) return -1;
    if (S_ISDIR(status.st_mode) != expects_directory) { errno = expects_directory ? ENOTDIR : EISDIR; return -1; }
    shadow_name(grave, 'g', status.st_ino);
    return syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, grave, 0);
}

int unlink(const char *path) {
    if (!is_ours(path)) return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    point();
    int result = bury(path, 0);
    point();
    return result;
}

int rmdir(const char *path) {
    if (!is_ours(path)) return syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
    DIR *folder = opendir(path);
    if (!folder) return -1;
    int names = 0;
    while (readdir(folder)) names++;
    closedir(folder);
    if (names > 2) { errno = ENOTEMPTY; return -1; }
    point();
    int result = bury(path, 1);
    point();
    return result;
}

int rename(const char *source, const char *target) {
    struct stat status;
    char grave[4096];
    if (is_ours(target)) point();
    if (is_ours(target) && lstat(target, &status) == 0 && !S_ISDIR(status.st_mode)) {
        shadow_name(grave, 'g', status.st_ino);
        syscall(SYS_linkat, AT_FDCWD, target, AT_FDCWD, grave, 0);
    }
    int result = syscall(SYS_renameat2, AT_FDCWD, source, AT_FDCWD, target, 0);
    if (is_ours(target)) point();
    return result;
}
