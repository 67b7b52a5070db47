/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_CORE_DRIVER_H
#define TESTS_CORE_DRIVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "agent/core/engine_private.h"
#include "saved_parts.h"

/*
 * The core under test: event streams in a few words, and everything that came out, to be compared as text. A test program
 * includes core_driver.c; all times are at(hours, minutes, seconds) after a Monday's midnight, UTC.
 */
enum { DRIVER_ROWS = 256, DRIVER_TEXT = 256 };

struct driver_run {
    struct run facts;
    char table[DRIVER_TEXT], error[DRIVER_TEXT];
};

struct driver_incident {
    struct incident facts; /* its pointers: to the texts below, or NULL */
    char table[DRIVER_TEXT], tables[DRIVER_TEXT], summary[DRIVER_TEXT], cause[DRIVER_TEXT], scenario[DRIVER_TEXT],
        first_command[DRIVER_TEXT], evidence[DRIVER_TEXT], runbook[DRIVER_TEXT], title[DRIVER_TEXT],
        escalate_to[DRIVER_TEXT], id[DRIVER_TEXT];
};

struct driver {
    struct settings settings;
    struct engine *engine;
    struct strbuf told; /* the notifications, a line each, since driver_told */
    struct strbuf told_before;
    struct strbuf story;         /* the timeline: "#1 opened text" */
    struct strbuf journal;       /* all that came out, in order and in full */
    struct strbuf live, windows; /* the newest saved state, as two texts */
    struct saved_parts saved;    /* the same by part */
    struct notification last;    /* without its pointers */
    char last_summary[DRIVER_TEXT], last_escalate_to[DRIVER_TEXT];
    void (*check)(void *ctx, const struct notification *notification);
    void *check_ctx;
    int64_t notifications;
    struct silence silence; /* the only one, of driver_silence */
    struct silences silences;
    /* The first rows of each kind, by id - 1. */
    struct cycle cycles[DRIVER_ROWS];
    struct driver_run runs[DRIVER_ROWS];
    struct driver_incident incidents[DRIVER_ROWS];
    int64_t cycle_count, run_count, incident_count;
};

int64_t at(int64_t hours, int64_t minutes, int64_t seconds);
int64_t seconds(int64_t count);
int64_t minutes(int64_t count);
int64_t hours(int64_t count);

struct driver *driver_new(void);
struct driver *driver_new_healthy(void); /* one that has seen a good cycle of table a, at 0:00:00 */
/* Likewise; its scheduler is down: critical from 0:17:00 on, and told. */
struct driver *driver_new_down(int64_t reminder_ms, int64_t escalation_ms);
struct driver *driver_new_with(const struct settings *settings);
void driver_free(struct driver *driver);
void driver_configure(struct driver *driver); /* takes driver->settings over */

/* Everything is silenced from now on, until then. */
static inline void driver_silence(struct driver *driver, int64_t until_ms)
{
    driver->silence = (struct silence){ .starts_ms = INT64_MIN, .ends_ms = until_ms, .scope.most = SEVERITY_CRITICAL };
    driver->silences = (struct silences){ .at = &driver->silence, .count = 1 };
    engine_silence(driver->engine, &driver->silences);
}

/* Saves as the agent does (the windows only where they changed), and goes on with a new engine that loads it. */
void driver_save(struct driver *driver);
void driver_restart(struct driver *driver);

/* The whole saved state, as text. */
void driver_state(struct driver *driver, struct strbuf *state);
/* The sum of the numbers that the state saves under this name, of the table with this index where each table has some. */
int64_t driver_saved_sum(struct driver *driver, const char *name, size_t index);

void driver_feed(struct driver *driver, struct event event);
void driver_say(struct driver *driver, enum event_kind kind, int64_t at_ms);
void driver_tick(struct driver *driver, int64_t at_ms);

void driver_start(struct driver *driver, int64_t at_ms); /* the banner, and 15 minutes */
void driver_promise(struct driver *driver, int64_t at_ms, int64_t promise_ms);
void driver_begin(struct driver *driver, int64_t at_ms);
void driver_run(struct driver *driver, int64_t at_ms, const char *table);
void driver_ok(struct driver *driver, int64_t at_ms, const char *table, int64_t rows);
void driver_fail(struct driver *driver, int64_t at_ms, const char *table);
void driver_fail_saying(struct driver *driver, int64_t at_ms, const char *table, int64_t exit_code, const char *said);
void driver_timeout(struct driver *driver, int64_t at_ms, const char *table);
void driver_exception(struct driver *driver, int64_t at_ms, const char *text);
void driver_end(struct driver *driver, int64_t at_ms); /* completed; the next run at the next whole interval */
void driver_resumed(struct driver *driver, int64_t at_ms, int64_t slept_ms);

/* A whole cycle: "a=5000 b=fail c=timeout" are its runs, which share the duration evenly. */
void driver_cycle(struct driver *driver, int64_t at_ms, int64_t duration_ms, const char *runs);
/* One every interval from from_ms on, before to_ms. */
void driver_cycles(struct driver *driver, int64_t from_ms, int64_t to_ms, int64_t duration_ms, const char *runs);

/* The notifications since the last call, "00:15:05 firing critical ConsecutiveFailures #1 a,b" a line. */
const char *driver_told(struct driver *driver);
const struct incident *driver_incident(const struct driver *driver, int64_t id);
int64_t driver_open_count(const struct driver *driver);

#define assert_told(driver, text) assert_string_equal(driver_told(driver), text)
#define assert_quiet(driver) assert_told(driver, "")

#endif
