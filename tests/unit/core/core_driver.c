/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../builtin_causes.h"
#include "saved_parts.c"

static const int64_t zero_ms = 1772409600000; /* 2026-03-02T00:00:00Z */

int64_t at(int64_t h, int64_t m, int64_t s)
{
    return zero_ms + hours(h) + minutes(m) + seconds(s);
}

int64_t seconds(int64_t count)
{
    return count * SECOND_MS;
}

int64_t minutes(int64_t count)
{
    return count * MINUTE_MS;
}

int64_t hours(int64_t count)
{
    return count * HOUR_MS;
}

/* --- what comes out ------------------------------------------------------------------------------------------ */

static void keep(char *room, const char *text, const char **pointer)
{
    snprintf(room, DRIVER_TEXT, "%s", text ? text : "");
    if (pointer)
        *pointer = text ? room : NULL;
}

static void print_time(struct strbuf *out, int64_t at_ms)
{
    int64_t ms = at_ms - zero_ms;
    strbuf_printf(out, "%02" PRId64 ":%02" PRId64 ":%02" PRId64, ms / HOUR_MS, ms / MINUTE_MS % 60,
                  ms / SECOND_MS % 60);
    if (ms % SECOND_MS)
        strbuf_printf(out, ".%03" PRId64, ms % SECOND_MS);
}

static const char *or_none(const char *text)
{
    return text ? text : "(none)";
}

static void print_tables(struct strbuf *out, const struct incident *incident)
{
    for (size_t i = 0; i < incident->table_count; i++)
        strbuf_printf(out, "%s%s", i ? "," : "", incident->tables[i]);
}

static void on_cycle(void *ctx, const struct cycle *cycle)
{
    struct driver *driver = ctx;
    strbuf_printf(&driver->journal,
                  "cycle %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %s %d %d %d %d %" PRId64 "\n", cycle->id,
                  cycle->started_ms, cycle->ended_ms, cycle->duration_ms, cycle_outcome_name(cycle->outcome),
                  cycle->tables, cycle->succeeded, cycle->failed, cycle->timed_out, cycle->rows);
    if (cycle->id > DRIVER_ROWS)
        return;
    driver->cycles[cycle->id - 1] = *cycle;
    driver->cycle_count = cycle->id > driver->cycle_count ? cycle->id : driver->cycle_count;
}

static void on_run(void *ctx, const struct run *run)
{
    struct driver *driver = ctx;
    strbuf_printf(&driver->journal,
                  "run %" PRId64 " %" PRId64 " %s %" PRId64 " %" PRId64 " %" PRId64 " %s %" PRId64 " %" PRId64 " %s\n",
                  run->id, run->cycle_id, run->table, run->started_ms, run->ended_ms, run->duration_ms,
                  run_outcome_name(run->outcome), run->rows, run->exit_code, or_none(run->error));
    if (run->id > DRIVER_ROWS)
        return;
    struct driver_run *kept = &driver->runs[run->id - 1];
    kept->facts = *run;
    keep(kept->table, run->table, &kept->facts.table);
    keep(kept->error, run->error, &kept->facts.error);
    driver->run_count = run->id > driver->run_count ? run->id : driver->run_count;
}

static void on_answer(void *ctx, const struct run_answer *told)
{
    strbuf_printf(&((struct driver *)ctx)->journal, "answer %" PRId64 " %" PRId64 " %s %" PRId64 " %s\n", told->run_id,
                  told->rows, rows_from_name(told->rows_from), told->watermark_ms, or_none(told->witness));
}

static void on_incident(void *ctx, const struct incident *incident)
{
    struct driver *driver = ctx;
    struct strbuf tables = { 0 };
    print_tables(&tables, incident);
    strbuf_printf(&driver->journal,
                  "incident %" PRId64 " %s %s %s %s [%s] %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
                  " %" PRId64 " %" PRId64 " %s|%s|%s|%s|%s\n",
                  incident->id, alert_name(incident->alert), severity_name(incident->severity),
                  incident->open ? "open" : "resolved", or_none(incident->table), strbuf_text(&tables),
                  incident->onset_ms, incident->opened_ms, incident->critical_ms, incident->resolved_ms,
                  incident->verified_ms, incident->escalated_ms, incident->prometheus_ms, or_none(incident->summary),
                  or_none(incident->cause.words), or_none(incident->cause.scenario),
                  or_none(incident->cause.first_command), or_none(incident->evidence));
    if (incident->id <= DRIVER_ROWS) {
        struct driver_incident *kept = &driver->incidents[incident->id - 1];
        kept->facts = *incident;
        kept->facts.tables = NULL;
        keep(kept->table, incident->table, &kept->facts.table);
        keep(kept->tables, strbuf_text(&tables), NULL);
        keep(kept->summary, incident->summary, &kept->facts.summary);
        keep(kept->cause, incident->cause.words, &kept->facts.cause.words);
        keep(kept->scenario, incident->cause.scenario, &kept->facts.cause.scenario);
        keep(kept->first_command, incident->cause.first_command, &kept->facts.cause.first_command);
        keep(kept->runbook, incident->cause.runbook, &kept->facts.cause.runbook);
        keep(kept->title, incident->cause.title, &kept->facts.cause.title);
        keep(kept->escalate_to, incident->cause.escalate_to, &kept->facts.cause.escalate_to);
        keep(kept->id, incident->cause.id, &kept->facts.cause.id);
        keep(kept->evidence, incident->evidence, &kept->facts.evidence);
        driver->incident_count = incident->id > driver->incident_count ? incident->id : driver->incident_count;
    }
    strbuf_free(&tables);
}

static void on_timeline(void *ctx, const struct timeline_entry *entry)
{
    struct driver *driver = ctx;
    strbuf_printf(&driver->journal, "timeline %" PRId64 " %" PRId64 " %" PRId64 " %s %s\n", entry->incident_id,
                  entry->at_ms, entry->offset, entry->kind, entry->text);
    strbuf_printf(&driver->story, "#%" PRId64 " %s %s\n", entry->incident_id, entry->kind, entry->text);
}

static void on_notify(void *ctx, const struct notification *notification)
{
    struct driver *driver = ctx;
    const struct incident *incident = notification->incident;
    struct strbuf line = { 0 };
    print_time(&line, notification->time_ms);
    strbuf_printf(&line, " %s %s %s #%" PRId64, notification_status_name(notification->status),
                  severity_name(notification->severity), alert_name(notification->alert) + strlen("IcebergOffload"),
                  incident->id);
    if (incident->table_count)
        strbuf_puts(&line, " ");
    print_tables(&line, incident);
    static const char *const ends[] = {
        [HEARD_BY_ALL] = "\n",
        [HEARD_BY_KEEPERS] = " (to keepers)\n",
        [HEARD_BY_NONE] = " (silenced)\n",
        [HEARD_IN_COMBINED] = " (with others)\n",
        [HEARD_AS_COMBINED] = " (for all)\n",
    };
    strbuf_puts(&line, ends[notification->hearing]);
    strbuf_puts(&driver->told, strbuf_text(&line));
    strbuf_printf(&driver->journal, "notify %" PRId64 " %" PRId64 " %s|%s %s", notification->time_ms,
                  notification->sequence, notification->summary, or_none(notification->escalate_to),
                  strbuf_text(&line));
    strbuf_free(&line);
    driver->last = *notification;
    driver->last.incident = NULL;
    keep(driver->last_summary, notification->summary, &driver->last.summary);
    keep(driver->last_escalate_to, notification->escalate_to, &driver->last.escalate_to);
    driver->notifications++;
    if (driver->check)
        driver->check(driver->check_ctx, notification);
}

const char *driver_told(struct driver *driver)
{
    struct strbuf swap = driver->told_before;
    driver->told_before = driver->told;
    driver->told = swap;
    strbuf_clear(&driver->told);
    return strbuf_text(&driver->told_before);
}

const struct incident *driver_incident(const struct driver *driver, int64_t id)
{
    assert_in_range(id, 1, driver->incident_count);
    return &driver->incidents[id - 1].facts;
}

int64_t driver_open_count(const struct driver *driver)
{
    int64_t open = 0;
    for (int64_t i = 0; i < driver->incident_count; i++)
        open += driver->incidents[i].facts.open;
    return open;
}

/* --- life ---------------------------------------------------------------------------------------------------- */

static struct engine *engine_for(struct driver *driver)
{
    struct engine *engine = engine_new(&driver->settings, &(struct engine_sink){
                                                              .ctx = driver,
                                                              .cycle = on_cycle,
                                                              .run = on_run,
                                                              .answer = on_answer,
                                                              .incident = on_incident,
                                                              .timeline = on_timeline,
                                                              .notify_ctx = driver,
                                                              .notify = on_notify,
                                                          });
    engine_set_causes(engine, builtin_causes());
    return engine;
}

struct driver *driver_new_with(const struct settings *settings)
{
    struct driver *driver = must_alloc(sizeof *driver);
    driver->settings = *settings;
    driver->engine = engine_for(driver);
    return driver;
}

struct driver *driver_new(void)
{
    struct settings settings;
    settings_default(&settings);
    return driver_new_with(&settings);
}

void driver_free(struct driver *driver)
{
    engine_free(driver->engine);
    strbuf_free(&driver->told);
    strbuf_free(&driver->told_before);
    strbuf_free(&driver->story);
    strbuf_free(&driver->journal);
    strbuf_free(&driver->live);
    strbuf_free(&driver->windows);
    saved_parts_free(&driver->saved);
    free(driver);
}

void driver_configure(struct driver *driver)
{
    engine_configure(driver->engine, &driver->settings);
}

void driver_save(struct driver *driver)
{
    struct archive archive;
    strbuf_clear(&driver->live);
    archive_save_to(&archive, &driver->live);
    engine_archive_live(driver->engine, &archive);
    if (windows_are_touched(driver->engine)) {
        strbuf_clear(&driver->windows);
        archive_save_to(&archive, &driver->windows);
        engine_archive_windows(driver->engine, &archive);
    }
    saved_parts_save(&driver->saved, driver->engine);
}

void driver_restart(struct driver *driver)
{
    saved_parts_save(&driver->saved, driver->engine);
    engine_free(driver->engine);
    driver->engine = engine_for(driver);
    saved_parts_load(&driver->saved, driver->engine);
}

void driver_state(struct driver *driver, struct strbuf *state)
{
    struct archive archive;
    strbuf_clear(state);
    archive_save_to(&archive, state);
    engine_archive_live(driver->engine, &archive);
    engine_archive_windows(driver->engine, &archive);
}

int64_t driver_saved_sum(struct driver *driver, const char *name, size_t index)
{
    struct archive archive;
    struct strbuf state = { 0 };
    int64_t values[64] = { 0 }, sum = 0;
    size_t count = 0;
    driver_state(driver, &state);
    archive_load_from(&archive, strbuf_slice(&state));
    for (size_t i = 0; i <= index; i++)
        archive_i64s(&archive, name, values, &count, 64);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    strbuf_free(&state);
    return sum;
}

/* --- what goes in -------------------------------------------------------------------------------------------- */

void driver_feed(struct driver *driver, struct event event)
{
    engine_feed(driver->engine, &event);
}

/* An event with its line, as evidence: "run_failed a". */
static void feed_line(struct driver *driver, struct event event)
{
    struct strbuf line = { 0 };
    strbuf_printf(&line, "%s %.*s", event_name(event.kind), (int)event.table.len,
                  event.table.len ? event.table.at : "");
    event.line = strbuf_slice(&line);
    driver_feed(driver, event);
    strbuf_free(&line);
}

static void feed_run(struct driver *driver, enum event_kind kind, int64_t at_ms, const char *table, int64_t number)
{
    feed_line(driver, (struct event){ .kind = kind, .time_ms = at_ms, .table = slice_of(table), .number = number });
}

void driver_say(struct driver *driver, enum event_kind kind, int64_t at_ms)
{
    feed_line(driver, (struct event){ .kind = kind, .time_ms = at_ms });
}

void driver_tick(struct driver *driver, int64_t at_ms)
{
    engine_tick(driver->engine, at_ms);
}

void driver_start(struct driver *driver, int64_t at_ms)
{
    driver_say(driver, EVENT_SCHEDULER_STARTED, at_ms);
    driver_feed(driver, (struct event){ .kind = EVENT_SCHEDULE, .time_ms = at_ms, .duration_ms = minutes(15) });
}

void driver_promise(struct driver *driver, int64_t at_ms, int64_t promise_ms)
{
    driver_feed(driver, (struct event){ .kind = EVENT_NEXT_RUN, .time_ms = at_ms, .at_ms = promise_ms });
    driver_feed(driver, (struct event){ .kind = EVENT_WAITING,
                                        .time_ms = at_ms,
                                        .duration_ms = (promise_ms - at_ms) / SECOND_MS * SECOND_MS });
}

void driver_begin(struct driver *driver, int64_t at_ms)
{
    driver_say(driver, EVENT_CYCLE_STARTED, at_ms);
}

void driver_run(struct driver *driver, int64_t at_ms, const char *table)
{
    feed_run(driver, EVENT_RUN_STARTED, at_ms, table, 0);
}

void driver_ok(struct driver *driver, int64_t at_ms, const char *table, int64_t rows)
{
    feed_run(driver, EVENT_RUN_COMPLETED, at_ms, table, rows);
}

void driver_fail(struct driver *driver, int64_t at_ms, const char *table)
{
    feed_run(driver, EVENT_RUN_FAILED, at_ms, table, 0);
}

void driver_fail_saying(struct driver *driver, int64_t at_ms, const char *table, int64_t exit_code, const char *said)
{
    driver_fail(driver, at_ms, table);
    feed_run(driver, EVENT_RUN_EXIT_CODE, at_ms, table, exit_code);
    driver_feed(driver, (struct event){ .kind = EVENT_RUN_STDERR,
                                        .time_ms = at_ms,
                                        .table = slice_of(table),
                                        .text = slice_of(said),
                                        .line = slice_of(said) });
}

void driver_timeout(struct driver *driver, int64_t at_ms, const char *table)
{
    feed_run(driver, EVENT_RUN_TIMEOUT, at_ms, table, 0);
}

void driver_exception(struct driver *driver, int64_t at_ms, const char *text)
{
    driver_feed(driver,
                (struct event){
                    .kind = EVENT_CYCLE_EXCEPTION, .time_ms = at_ms, .text = slice_of(text), .line = slice_of(text) });
}

void driver_end(struct driver *driver, int64_t at_ms)
{
    int64_t interval = schedule_interval(&driver->engine->schedule);
    driver_say(driver, EVENT_CYCLE_COMPLETED, at_ms);
    driver_promise(driver, at_ms, (at_ms / interval + 1) * interval);
}

void driver_resumed(struct driver *driver, int64_t at_ms, int64_t slept_ms)
{
    driver_feed(driver,
                (struct event){ .kind = EVENT_HOST_RESUMED, .time_ms = at_ms, .offset = -1, .duration_ms = slept_ms });
}

static void finish_run(struct driver *driver, int64_t at_ms, const char *table, const char *how)
{
    if (strcmp(how, "fail") == 0)
        driver_fail(driver, at_ms, table);
    else if (strcmp(how, "timeout") == 0)
        driver_timeout(driver, at_ms, table);
    else
        driver_ok(driver, at_ms, table, strtoll(how, NULL, 10));
}

void driver_cycle(struct driver *driver, int64_t at_ms, int64_t duration_ms, const char *runs)
{
    int64_t count = 0, done = 0;
    for (const char *c = runs; *c; c++)
        count += *c == '=';
    driver_begin(driver, at_ms);
    for (const char *word = runs; *word; done++) {
        char table[DRIVER_TEXT], how[DRIVER_TEXT];
        int used = 0;
        assert_int_equal(sscanf(word, " %255[^=]=%255s%n", table, how, &used), 2);
        driver_run(driver, at_ms + duration_ms * done / count, table);
        finish_run(driver, at_ms + duration_ms * (done + 1) / count, table, how);
        word += used;
    }
    driver_end(driver, at_ms + duration_ms);
}

void driver_cycles(struct driver *driver, int64_t from_ms, int64_t to_ms, int64_t duration_ms, const char *runs)
{
    for (int64_t at_ms = from_ms; at_ms < to_ms; at_ms += schedule_interval(&driver->engine->schedule))
        driver_cycle(driver, at_ms, duration_ms, runs);
}

/* One that has seen a good cycle of table a. */
struct driver *driver_new_healthy(void)
{
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=100");
    return driver;
}

struct driver *driver_new_down(int64_t reminder_ms, int64_t escalation_ms)
{
    struct driver *driver = driver_new_healthy();
    driver->settings.notify.reminder_ms = reminder_ms;
    driver->settings.notify.escalation_ms = escalation_ms;
    driver_configure(driver);
    driver_tick(driver, at(0, 17, 0));
    assert_told(driver, "00:16:00 firing warning SchedulerDown #1\n00:17:00 firing critical SchedulerDown #1\n");
    return driver;
}
