// Counts the allocations of a process, for Tools/bench: preload it, and the total is written to stderr when the process ends.
// Two runs that differ only in the number of messages then show what one message costs.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);
static atomic_ulong allocations;

void *malloc(size_t size) { atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed); return __libc_malloc(size); }
void *calloc(size_t count, size_t size) { atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed); return __libc_calloc(count, size); }
void *realloc(void *old, size_t size) { atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed); return __libc_realloc(old, size); }
int posix_memalign(void **to, size_t alignment, size_t size) {
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    *to = __libc_memalign(alignment, size);
    return *to ? 0 : 12;
}
__attribute__((destructor)) static void report(void) { fprintf(stderr, "allocations: %lu\n", atomic_load(&allocations)); }
