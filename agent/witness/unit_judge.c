/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/budgets.h"
#include "unit.h"

/* What systemd's words about a unit come to. Their meaning is that of systemd.service(5) and org.freedesktop.systemd1(5). */

enum { USEC_PER_MS = 1000, DAY_IN_MS = 24 * 60 * 60 * 1000 };

static bool word_is(const char *text, const char *word)
{
    return strcmp(text, word) == 0;
}

static bool word_ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* Newer versions of systemd have more states between an end and the next start: dead-before-auto-restart, auto-restart-queued. */
static bool is_restarting(const char *sub_state)
{
    return strncmp(sub_state, "auto-restart", strlen("auto-restart")) == 0 ||
           word_ends_with(sub_state, "-before-auto-restart");
}

static int64_t ms_of(uint64_t usec)
{
    return usec / USEC_PER_MS > INT64_MAX ? INT64_MAX : (int64_t)(usec / USEC_PER_MS);
}

/* Words of systemd's own have small letters and hyphens. Anything else is not repeated. */
static void add_word(const char *word, struct strbuf *out)
{
    bool plain = word[0] && word[strspn(word, "abcdefghijklmnopqrstuvwxyz-")] == '\0';
    strbuf_puts(out, plain ? word : "not known");
}

/* " at 10:47", in the host's time; nothing if it is not known. */
static void add_time(uint64_t usec, int64_t now_ms, struct strbuf *out)
{
    int64_t at_ms = ms_of(usec);
    time_t at = (time_t)(at_ms / 1000);
    struct tm local;
    char text[64];
    bool is_near = at_ms <= now_ms && now_ms - at_ms < DAY_IN_MS;
    if (at_ms > 0 && at_ms <= EVENT_TIME_MAX_MS && localtime_r(&at, &local) &&
        strftime(text, sizeof text, is_near ? " at %H:%M" : " at %F %H:%M", &local))
        strbuf_puts(out, text);
}

/* The codes with which systemd's own child ends where it cannot start the program (systemd.exec(5)). */
static const char *start_failure(int32_t code)
{
    switch (code) {
    case 200: return "its working directory cannot be entered";
    case 203: return "its program cannot be started";
    case 209: return "its output cannot be opened";
    case 216: return "its group is not known";
    case 217: return "its user is not known";
    case 226: return "its name spaces cannot be set up";
    default: return NULL;
    }
}

static void add_signal(int32_t number, struct strbuf *out)
{
    static const char *const names[] = {
        [SIGHUP] = "HUP",   [SIGINT] = "INT",   [SIGQUIT] = "QUIT", [SIGILL] = "ILL",   [SIGTRAP] = "TRAP",
        [SIGABRT] = "ABRT", [SIGBUS] = "BUS",   [SIGFPE] = "FPE",   [SIGKILL] = "KILL", [SIGUSR1] = "USR1",
        [SIGSEGV] = "SEGV", [SIGUSR2] = "USR2", [SIGPIPE] = "PIPE", [SIGALRM] = "ALRM", [SIGTERM] = "TERM",
        [SIGXCPU] = "XCPU", [SIGXFSZ] = "XFSZ", [SIGSYS] = "SYS",
    };
    bool known = number > 0 && number < (int32_t)(sizeof names / sizeof names[0]) && names[number];
    if (known)
        strbuf_printf(out, "killed by SIG%s", names[number]);
    else
        strbuf_printf(out, "killed by signal %" PRId32, number);
}

/* How the main process ended: "exited with code 1". False if none has ended. */
static bool add_end(const struct unit_facts *facts, struct strbuf *out)
{
    if (facts->exit_code == CLD_EXITED) {
        const char *why = start_failure(facts->exit_status);
        strbuf_printf(out, "exited with code %" PRId32 "%s%s%s", facts->exit_status, why ? " (" : "", why ? why : "",
                      why ? ")" : "");
        return true;
    }
    if (facts->exit_code == CLD_KILLED || facts->exit_code == CLD_DUMPED) {
        add_signal(facts->exit_status, out);
        strbuf_puts(out, facts->exit_code == CLD_DUMPED ? " (core dumped)" : "");
        return true;
    }
    return false;
}

/* Why systemd itself ended it, or could not start it; NULL where the process's own end says it. */
static const char *end_by_systemd(const char *result)
{
    if (word_is(result, "watchdog"))
        return "killed by systemd (its watchdog was not fed)";
    if (word_is(result, "timeout"))
        return "killed by systemd (it took too long to start or to stop)";
    if (word_is(result, "resources"))
        return "not started by systemd (something that its unit names is missing)";
    if (word_is(result, "protocol"))
        return "ended by systemd (it did not say that it is ready)";
    if (word_is(result, "exec-condition"))
        return "not started by systemd (a condition of its unit does not hold)";
    return NULL;
}

static void say_end(const struct unit_facts *facts, int64_t now_ms, struct strbuf *out)
{
    const char *why = end_by_systemd(facts->result);
    if (word_is(facts->result, "oom-kill")) {
        strbuf_puts(out,
                    facts->exit_code == CLD_KILLED ? "killed by SIGKILL (out of memory)" : "killed (out of memory)");
    } else if (why) {
        strbuf_puts(out, why);
    } else if (!add_end(facts, out)) {
        bool good = word_is(facts->result, "success");
        strbuf_puts(out, good ? "ended" : "failed: ");
        if (!good)
            add_word(facts->result, out);
    }
    add_time(facts->exit_us ? facts->exit_us : facts->inactive_us, now_ms, out);
}

static const char *end_cause(const struct unit_facts *facts)
{
    return word_is(facts->result, "oom-kill") ? "scheduler-oom" : "scheduler-failed";
}

static void judge_running(const struct unit_facts *facts, int64_t now_ms, struct unit_judgement *judgement)
{
    bool starts = word_is(facts->active_state, "activating");
    judgement->state = UNIT_RUNS;
    judgement->since_ms = ms_of(facts->active_us);
    strbuf_puts(&judgement->words, starts ? "it is being started" : "it runs");
    if (!starts && facts->active_us) {
        strbuf_puts(&judgement->words, ", since it was started");
        add_time(facts->active_us, now_ms, &judgement->words);
    }
    if (facts->main_pid)
        strbuf_printf(&judgement->words, ", as process %" PRIu32, facts->main_pid);
    else if (!starts)
        strbuf_puts(&judgement->words, ", but without a process");
    if (facts->restarts)
        strbuf_printf(&judgement->words, "; systemd has restarted it %" PRIu32 " time%s", facts->restarts,
                      facts->restarts == 1 ? "" : "s");
}

static void judge_restarting(const struct unit_facts *facts, int64_t now_ms, struct unit_judgement *judgement)
{
    judgement->state = UNIT_RESTARTING;
    judgement->since_ms = ms_of(facts->exit_us ? facts->exit_us : facts->inactive_us);
    judgement->cause = end_cause(facts);
    say_end(facts, now_ms, &judgement->words);
    strbuf_puts(&judgement->words, "; systemd restarts it");
}

static void judge_stopped(const struct unit_facts *facts, bool is_asked, int64_t now_ms,
                          struct unit_judgement *judgement)
{
    judgement->state = UNIT_STOPPED;
    judgement->since_ms = ms_of(facts->inactive_us);
    judgement->cause = facts->inactive_us ? "scheduler-stopped" : "";
    if (!facts->inactive_us) {
        strbuf_puts(&judgement->words, "it was not started since the host booted");
        return;
    }
    if (is_asked) {
        strbuf_puts(&judgement->words, "stopped by hand");
        add_time(facts->inactive_us, now_ms, &judgement->words);
        if (!word_is(facts->result, "success"))
            strbuf_puts(&judgement->words, "; ");
    }
    if (!is_asked || !word_is(facts->result, "success"))
        say_end(facts, now_ms, &judgement->words);
    if (!is_asked)
        strbuf_puts(&judgement->words, ", which systemd takes for a regular end");
}

/* Where a start is refused because there were too many, the result stays that of the last end, and only the restarts tell. */
static bool is_started_too_often(const struct unit_facts *facts)
{
    bool used_up = facts->start_limit && facts->restarts >= facts->start_limit;
    return word_is(facts->result, "start-limit-hit") || (used_up && word_is(facts->active_state, "failed"));
}

static void judge_failed(const struct unit_facts *facts, int64_t now_ms, struct unit_judgement *judgement)
{
    bool too_often = is_started_too_often(facts);
    judgement->state = UNIT_GIVEN_UP;
    judgement->since_ms = ms_of(facts->inactive_us ? facts->inactive_us : facts->exit_us);
    judgement->cause = too_often ? "scheduler-given-up" : end_cause(facts);
    if (!too_often) {
        say_end(facts, now_ms, &judgement->words);
        strbuf_puts(&judgement->words, "; systemd does not restart it");
        if (facts->restart[0]) {
            strbuf_puts(&judgement->words, " (Restart=");
            add_word(facts->restart, &judgement->words);
            strbuf_puts(&judgement->words, ")");
        }
        return;
    }
    strbuf_puts(&judgement->words, "systemd has given up");
    if (facts->start_limit)
        strbuf_printf(&judgement->words, " after %" PRIu32 " starts", facts->start_limit);
    if (facts->exit_code) {
        strbuf_puts(&judgement->words, "; the last one ");
        say_end(&(struct unit_facts){ .exit_code = facts->exit_code,
                                      .exit_status = facts->exit_status,
                                      .exit_us = facts->exit_us },
                now_ms, &judgement->words);
    }
}

void unit_judge(const struct unit_facts *facts, bool is_asked, int64_t now_ms, struct unit_judgement *judgement)
{
    const char *active = facts->active_state;
    strbuf_clear(&judgement->words);
    *judgement = (struct unit_judgement){ .cause = "", .words = judgement->words };
    if (word_is(facts->load_state, "not-found")) {
        strbuf_puts(&judgement->words, "there is no such unit");
    } else if (is_restarting(facts->sub_state)) {
        judge_restarting(facts, now_ms, judgement);
    } else if (word_is(active, "active") || word_is(active, "reloading") || word_is(active, "activating")) {
        judge_running(facts, now_ms, judgement);
    } else if (word_is(active, "deactivating")) {
        /* Without a job its process has ended by itself, and systemd ends what that left behind. */
        judgement->state = UNIT_STOPPING;
        judgement->is_passing = facts->job == 0;
        strbuf_puts(&judgement->words, facts->job ? "it is being stopped by hand" : "it ends");
    } else if (word_is(active, "inactive") || word_is(active, "failed")) {
        judgement->is_passing = facts->job != 0; /* a start waits */
        if (word_is(active, "inactive") || (is_asked && !is_started_too_often(facts)))
            judge_stopped(facts, is_asked, now_ms, judgement);
        else
            judge_failed(facts, now_ms, judgement);
    } else {
        judgement->is_passing = true;
        strbuf_puts(&judgement->words, "systemd's word for it is ");
        add_word(active, &judgement->words);
    }
}
