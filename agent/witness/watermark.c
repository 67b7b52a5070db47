/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "watermark.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/budgets.h"
#include "base/clock.h"
#include "secrets.h"
#include "witness.h"

/*
 * Starts agent-watermark, hands it the question and takes its answer. The question lies in memory that only these two processes have, so that
 * neither a pipe can fill up nor the password be seen. The program inherits the agent's confinement and environment, the question and the
 * pipe for its answer, and no other descriptor.
 */

enum { STOP_LOOK_MS = 100, KILL_WAIT_MS = 1000, KILL_LOOK_MS = 1 };

/* --- where it is ---------------------------------------------------------------------------------------------- */

/* The path of a file in a directory if it is a program; else NULL. */
static char *program_in(const char *directory, size_t len)
{
    struct strbuf path = { 0 };
    strbuf_add(&path, directory, len);
    strbuf_puts(&path, "/agent-watermark");
    if (access(path.at, X_OK) != 0)
        strbuf_free(&path);
    return path.at;
}

char *watermark_program(void)
{
    const char *named = getenv("AGENT_WATERMARK");
    char self[4096];
    if (named && *named)
        return must_copy(named, strlen(named));
    ssize_t len = readlink("/proc/self/exe", self, sizeof self);
    const char *slash = len > 0 ? memrchr(self, '/', (size_t)len) : NULL;
    char *beside = slash ? program_in(self, (size_t)(slash - self)) : NULL;
    return beside ? beside : program_in(AGENT_LIBEXECDIR, strlen(AGENT_LIBEXECDIR));
}

/* --- settings ------------------------------------------------------------------------------------------------- */

static char *watermark_copy(const char *text)
{
    return text ? must_copy(text, strlen(text)) : NULL;
}

struct watermark_settings *watermark_settings_new(const struct config *config)
{
    if (!config->watermark_dsn && !config->watermark_service)
        return NULL;
    struct watermark_settings *settings = must_alloc(sizeof *settings);
    *settings = (struct watermark_settings){
        .program = watermark_program(),
        .dsn = watermark_copy(config->watermark_dsn),
        .service = watermark_copy(config->watermark_service),
        .password_file = watermark_copy(config->watermark_password_file),
        .query = watermark_copy(config->watermark_query),
        .timeout_ms = config->watermark_timeout_ms,
    };
    if (config->watermark_passfile) {
        struct strbuf path = { 0 };
        secret_path(config->watermark_passfile, &path);
        settings->passfile = path.at;
    }
    return settings;
}

void watermark_settings_free(struct watermark_settings *settings)
{
    if (!settings)
        return;
    free(settings->program);
    free(settings->dsn);
    free(settings->service);
    free(settings->passfile);
    free(settings->password_file);
    free(settings->query);
    free(settings);
}

/* --- the question --------------------------------------------------------------------------------------------- */

/* A name and a value, each ended by a NUL, unless there is no value. */
static void put_pair(struct strbuf *out, const char *name, const char *value)
{
    if (!value)
        return;
    strbuf_add(out, name, strlen(name) + 1);
    strbuf_add(out, value, strlen(value) + 1);
}

/* False, with the reason in *why, if the password cannot be read. */
static bool put_question(const struct watermark_settings *settings, const char *const *tables, size_t count,
                         struct strbuf *out, struct strbuf *why)
{
    struct strbuf password = { 0 }, timeout = { 0 };
    bool good = !settings->password_file || secret_read(settings->password_file, &password, why);
    strbuf_printf(&timeout, "%lld", (long long)settings->timeout_ms);
    put_pair(out, "dsn", settings->dsn);
    put_pair(out, "service", settings->service);
    put_pair(out, "passfile", settings->passfile);
    put_pair(out, "password", password.at);
    put_pair(out, "query", settings->query);
    put_pair(out, "timeout_ms", strbuf_text(&timeout));
    for (size_t i = 0; i < count; i++)
        put_pair(out, "table", tables[i]);
    if (password.len)
        explicit_bzero(password.at, password.len);
    strbuf_free(&password);
    strbuf_free(&timeout);
    return good;
}

/* A descriptor that the question is read from; -1 with errno. */
static int open_question(const struct strbuf *question)
{
    int fd = memfd_create("question", MFD_CLOEXEC);
    if (fd < 0)
        return -1;
    size_t done = 0;
    while (done < question->len) {
        ssize_t written = write(fd, question->at + done, question->len - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            break;
        done += (size_t)written;
    }
    if (done == question->len && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* --- the program ---------------------------------------------------------------------------------------------- */

/*
 * 0 or an errno. Standard error goes where the answer goes: what the dynamic linker says of a library that is missing is then known as the
 * reason. Signals that the agent ignores or blocks are set back.
 */
static int start_program(const char *program, int question, int answer, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    char *arguments[] = { "agent-watermark", NULL };
    int code = posix_spawn_file_actions_init(&actions);
    if (code != 0)
        return code;
    code = posix_spawnattr_init(&attributes);
    if (code != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return code;
    }
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if ((code = posix_spawn_file_actions_adddup2(&actions, question, STDIN_FILENO)) == 0 &&
        (code = posix_spawn_file_actions_adddup2(&actions, answer, STDOUT_FILENO)) == 0 &&
        (code = posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)) == 0 &&
        (code = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1)) == 0)
        code = posix_spawn(pid, program, &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

/* Why reading the answer ended. */
enum reading_end { READ_ALL, READ_LATE, READ_STOPPED, READ_TOO_MUCH };

static enum reading_end read_printed(int fd, int64_t deadline_ms, const atomic_bool *stopped, struct strbuf *printed)
{
    char bytes[4096];
    for (;;) {
        int64_t left_ms = deadline_ms - clock_running_ms();
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
        if (atomic_load(stopped))
            return READ_STOPPED;
        if (left_ms <= 0)
            return READ_LATE;
        if (poll(&poll_fd, 1, (int)(left_ms < STOP_LOOK_MS ? left_ms : STOP_LOOK_MS)) <= 0)
            continue;
        ssize_t got = read(fd, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return READ_ALL;
        if (printed->len + (size_t)got > WATERMARK_ANSWER_MAX_BYTES)
            return READ_TOO_MUCH;
        strbuf_add(printed, bytes, (size_t)got);
    }
}

/*
 * The program has closed its output and is about to end, or has a second to; then it is killed, and is waited for for as long again: one that
 * the kernel holds (state D) is left alone. Returns its status, -1 if that is not known, as where the agent was started with SIGCHLD ignored.
 */
static int end_program(pid_t pid, enum reading_end end)
{
    int64_t asked_ms = clock_running_ms();
    bool killed = end != READ_ALL;
    int status;
    if (killed)
        kill(pid, SIGKILL);
    for (;;) {
        pid_t ended = waitpid(pid, &status, WNOHANG);
        int64_t waited_ms = clock_running_ms() - asked_ms;
        if (ended == pid)
            return status;
        if ((ended < 0 && errno != EINTR) || (killed && waited_ms > 2 * KILL_WAIT_MS))
            return -1;
        if (!killed && waited_ms > KILL_WAIT_MS) {
            kill(pid, SIGKILL);
            killed = true;
        }
        clock_sleep_ms(KILL_LOOK_MS);
    }
}

/* --- asking --------------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void say_silent(struct watermark_answer *answer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    answer->outcome = WATERMARK_SILENT;
    strbuf_vprintf(&answer->words, format, args);
    va_end(args);
}

static void take_answer_of(const struct watermark_settings *settings, pid_t pid, int fd, const atomic_bool *stopped,
                           struct watermark_answer *answer)
{
    struct strbuf printed = { 0 };
    enum reading_end end = read_printed(fd, clock_running_ms() + settings->timeout_ms, stopped, &printed);
    int status = end_program(pid, end);
    if (end == READ_LATE)
        say_silent(answer, "agent-watermark gave no answer within %.3g s", (double)settings->timeout_ms / 1000);
    else if (end == READ_STOPPED)
        say_silent(answer, "stopped");
    else
        watermark_read_answer(strbuf_slice(&printed), end == READ_TOO_MUCH, status, answer);
    strbuf_free(&printed);
}

void watermark_ask(const struct watermark_settings *settings, const char *const *tables, size_t count,
                   const atomic_bool *stopped, struct watermark_answer *answer)
{
    struct strbuf question = { 0 };
    int pipe_fds[2] = { -1, -1 }, question_fd = -1;
    pid_t pid;
    *answer = (struct watermark_answer){ .outcome = WATERMARK_ANSWERED };
    if (!settings->program) {
        say_silent(answer, "the program agent-watermark is not installed");
    } else if (!put_question(settings, tables, count, &question, &answer->words)) {
        answer->outcome = WATERMARK_SILENT;
    } else if ((question_fd = open_question(&question)) < 0 || pipe2(pipe_fds, O_CLOEXEC) != 0) {
        say_silent(answer, "agent-watermark cannot be started: %s", strerror(errno));
    } else {
        int code = start_program(settings->program, question_fd, pipe_fds[1], &pid);
        close(pipe_fds[1]);
        pipe_fds[1] = -1;
        if (code != 0)
            say_silent(answer, "%s cannot be started: %s", settings->program, strerror(code));
        else
            take_answer_of(settings, pid, pipe_fds[0], stopped, answer);
    }
    for (int i = 0; i < 2; i++)
        if (pipe_fds[i] >= 0)
            close(pipe_fds[i]);
    if (question_fd >= 0)
        close(question_fd);
    if (question.len)
        explicit_bzero(question.at, question.len);
    strbuf_free(&question);
}
