/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into the agent, this kills it in the midst of a chosen system call: KILL_AT=CLASS:N with a class of
 *
 *   read    from the log            write   to the database, its WAL, or its size
 *   sync    of either               send    to a webhook
 *   answer  of a webhook                  within  as write, but only while the function at KILL_WITHIN=FROM:TO is called
 *
 * dies at the N-th call of that class, by SIGKILL. Of a write or a send, half is carried out before. What the agent was at is
 * appended to KILL_JOURNAL, a line each: the class, "before" or "half", and the calls on the stack as offsets into the program.
 */
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The call that takes a length of 64 bits has another name on 32-bit machines. */
#ifdef SYS_ftruncate64
#define SYS_FTRUNCATE SYS_ftruncate64
#else
#define SYS_FTRUNCATE SYS_ftruncate
#endif

enum { FRAMES = 120 };

static atomic_int countdown;
static char wanted[16];
static unsigned long from, to; /* offsets into the program, like the next two */
static unsigned long text_from, text_to;
static unsigned long base;
extern void *__libc_stack_end; /* the main thread's */

static int find_program(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    base = info->dlpi_addr; /* the first one is the program itself */
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X)) {
            text_from = info->dlpi_phdr[i].p_vaddr;
            text_to = text_from + info->dlpi_phdr[i].p_memsz;
        }
    }
    return 1;
}

static unsigned long *stack_end(void)
{
    pthread_attr_t attributes;
    void *stack = NULL;
    size_t size = 0;
    if (gettid() == getpid())
        return __libc_stack_end;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstack(&attributes, &stack, &size);
        pthread_attr_destroy(&attributes);
    }
    return (unsigned long *)((char *)stack + size);
}

/* The agent is built without the tables that unwind a stack, so every word on it that points into the program counts as a call. */
static int calls(unsigned long *found, int room)
{
    int count = 0;
    unsigned long *end = stack_end();
    for (unsigned long *word = __builtin_frame_address(0); word < end && count < room; word++)
        if (*word - base >= text_from && *word - base < text_to)
            found[count++] = *word - base;
    return count;
}

__attribute__((constructor)) static void prepare(void)
{
    const char *plan = getenv("KILL_AT");
    int count = 0;
    const char *function = getenv("KILL_WITHIN");
    if (function && sscanf(function, "%lx:%lx", &from, &to) != 2)
        abort();
    if (plan && sscanf(plan, "%15[a-z]:%d", wanted, &count) == 2)
        countdown = count;
    dl_iterate_phdr(find_program, NULL);
}

static bool is_within(void)
{
    unsigned long found[FRAMES];
    int count = calls(found, FRAMES);
    for (int i = 0; i < count; i++)
        if (found[i] >= from && found[i] < to)
            return true;
    return false;
}

__attribute__((noreturn)) static void die(const char *how)
{
    unsigned long found[FRAMES];
    char line[32 * FRAMES];
    const char *journal = getenv("KILL_JOURNAL");
    int count = calls(found, FRAMES);
    int len = snprintf(line, sizeof line, "%s %s", wanted, how);
    for (int i = 0; i < count && len < (int)sizeof line - 24; i++)
        len += snprintf(line + len, sizeof line - (size_t)len, " %lx", found[i]);
    line[len++] = '\n';
    int fd = journal ? open(journal, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644) : -1;
    if (fd >= 0 && write(fd, line, (size_t)len) == len)
        close(fd);
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static bool names(int fd, const char *part)
{
    char link[40], path[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
    return strstr(path, part) != NULL;
}

static bool is(const char *class)
{
    return countdown > 0 && strcmp(class, wanted) == 0;
}

/* Whether this call is the one. Only calls of the wanted class that concern us are counted. */
static bool strikes(const char *class, int fd, const char *part)
{
    return is(class) && names(fd, part) && atomic_fetch_sub(&countdown, 1) == 1;
}

ssize_t pread64(int fd, void *bytes, size_t len, off64_t offset)
{
    if (strikes("read", fd, ".log"))
        die("before");
    return syscall(SYS_pread64, fd, bytes, len, offset);
}

ssize_t pread(int fd, void *bytes, size_t len, off_t offset)
{
    return pread64(fd, bytes, len, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t offset)
{
    bool last = strikes("write", fd, ".db") || (is("within") && is_within() && strikes("within", fd, ".db"));
    ssize_t done = syscall(SYS_pwrite64, fd, bytes, last ? len / 2 : len, offset);
    if (last)
        die("half");
    return done;
}

int ftruncate64(int fd, off64_t len)
{
    if (strikes("write", fd, ".db"))
        die("before");
    return (int)syscall(SYS_FTRUNCATE, fd, len);
}

int fdatasync(int fd)
{
    if (strikes("sync", fd, ".db"))
        die("before");
    return (int)syscall(SYS_fdatasync, fd);
}

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
    bool last = strikes("send", fd, "socket:");
    ssize_t done = syscall(SYS_sendto, fd, bytes, last ? len / 2 : len, flags, NULL, 0);
    if (last)
        die("half");
    return done;
}

ssize_t recv(int fd, void *bytes, size_t len, int flags)
{
    if (strikes("answer", fd, "socket:"))
        die("before");
    return syscall(SYS_recvfrom, fd, bytes, len, flags, NULL, NULL);
}
