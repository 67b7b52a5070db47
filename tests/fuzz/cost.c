/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <malloc.h>
#include <stdatomic.h>
#include <time.h>

#include "fuzz.h"

/*
 * What one input costs. Sanitizers and unoptimised builds multiply the processor time, and a sanitizer brings an allocator of its own:
 * there, only the work is done and nothing is judged.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
#define COST_UNFAIR
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
#define COST_UNFAIR
#endif

enum { MEASUREMENTS = 3 };

#ifdef COST_UNFAIR

void fuzz_cost(void (*work)(struct slice input), struct slice input)
{
    work(input);
}

#else

/* The bytes in use, and the most since the measurement began. Libraries allocate through these functions too. */
static _Atomic int64_t heap_bytes, heap_peak_bytes;

/* glibc's own entry points, below the functions that this file replaces. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t bytes);
void __libc_free(void *block);

static void heap_add(int64_t bytes)
{
    int64_t now = atomic_fetch_add(&heap_bytes, bytes) + bytes;
    int64_t peak = atomic_load(&heap_peak_bytes);
    while (now > peak && !atomic_compare_exchange_weak(&heap_peak_bytes, &peak, now))
        ;
}

static void *heap_counted(void *block)
{
    heap_add((int64_t)malloc_usable_size(block));
    return block;
}

void *malloc(size_t bytes)
{
    return heap_counted(__libc_malloc(bytes));
}

void *calloc(size_t count, size_t size)
{
    return heap_counted(__libc_calloc(count, size));
}

void *realloc(void *old, size_t bytes)
{
    int64_t before = (int64_t)malloc_usable_size(old);
    void *block = __libc_realloc(old, bytes);
    if (block || bytes == 0)
        heap_add(-before);
    return heap_counted(block);
}

void free(void *block)
{
    heap_add(-(int64_t)malloc_usable_size(block));
    __libc_free(block);
}

static int64_t cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void fuzz_cost(void (*work)(struct slice input), struct slice input)
{
    int64_t least_us = INT64_MAX;
    int64_t least_bytes = INT64_MAX;
    const char *judged = getenv("FUZZ_COST");
    if (judged && strcmp(judged, "no") == 0) {
        work(input);
        return;
    }
    for (int i = 0; i < MEASUREMENTS; i++) {
        int64_t before_us = cpu_us();
        int64_t before_bytes = atomic_load(&heap_bytes);
        atomic_store(&heap_peak_bytes, before_bytes);
        work(input);
        int64_t us = cpu_us() - before_us;
        int64_t bytes = atomic_load(&heap_peak_bytes) - before_bytes;
        least_us = us < least_us ? us : least_us;
        least_bytes = bytes < least_bytes ? bytes : least_bytes;
        if (input.len > FUZZ_INPUT_MAX_BYTES || (least_us <= FUZZ_CPU_MAX_US && least_bytes <= FUZZ_HEAP_MAX_BYTES))
            return;
    }
    fprintf(stderr, "an input of %zu bytes costs %lld us and %lld bytes at the least of %d measurements\n", input.len,
            (long long)least_us, (long long)least_bytes, MEASUREMENTS);
    abort();
}

#endif
