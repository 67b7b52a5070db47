/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/*
 * Stories of incidents that no log alone brings about, because a host, systemd, a probe or a witness has its say. A test program includes this
 * file and calls tell_stories().
 */

#define BINANCE "bronze_trades_binance"
#define KRAKEN "bronze_trades_kraken"
#define HEALTHY BINANCE "=5000 " KRAKEN "=5000"
#define TWELVE(how)                                                                                                    \
    "t01=" how " t02=" how " t03=" how " t04=" how " t05=" how " t06=" how " t07=" how " t08=" how " t09=" how         \
    " t10=" how " t11=" how " t12=" how

/* Who hears what people are told in a story. */
struct story {
    const char *name;
    void (*hear)(void *ctx, const char *story, const struct notification *notification);
    void *ctx;
    int told;
};

static void story_hears(void *ctx, const struct notification *notification)
{
    struct story *story = ctx;
    if (notification->hearing != HEARD_BY_ALL && notification->hearing != HEARD_AS_COMBINED)
        return;
    story->told++;
    story->hear(story->ctx, story->name, notification);
}

static struct driver *listen_to(struct story *story, struct driver *driver)
{
    driver->settings.notify.reminder_ms = hours(2);
    driver_configure(driver);
    driver->check = story_hears;
    driver->check_ctx = story;
    return driver;
}

/* Good cycles of two tables until 4:45; the next one is due at 5:00. */
static struct driver *healthy(struct story *story)
{
    struct driver *driver = listen_to(story, driver_new());
    driver_start(driver, at(0, 0, 0));
    driver_cycles(driver, at(0, 0, 0), at(5, 0, 0), seconds(20), HEALTHY);
    return driver;
}

static void host_event(struct driver *driver, enum event_kind kind, int64_t at_ms, int64_t number, const char *text)
{
    driver_feed(driver, (struct event){
                            .kind = kind, .time_ms = at_ms, .offset = -1, .number = number, .text = slice_of(text) });
}

static void recover(struct driver *driver, int64_t at_ms)
{
    driver_cycles(driver, at_ms, at_ms + minutes(45), seconds(20), HEALTHY);
}

/* --- the agent's own troubles -------------------------------------------------------------------------------- */

static void log_is_missing(struct story *story)
{
    struct driver *driver = healthy(story);
    host_event(driver, EVENT_LOG_MISSING, at(4, 50, 0), 0,
               "the log is missing: there is no file /var/log/iceberg-offload-scheduler.log");
    driver_tick(driver, at(8, 0, 0));
    host_event(driver, EVENT_LOG_READABLE, at(8, 0, 1), 0, "");
    driver_free(driver);
}

static void log_is_refused(struct story *story)
{
    struct driver *driver = healthy(story);
    host_event(driver, EVENT_LOG_REFUSED, at(4, 50, 0), 0,
               "the log is not read: it is a symbolic link (/tmp/iceberg-offload-scheduler.log)");
    driver_tick(driver, at(4, 59, 0));
    host_event(driver, EVENT_LOG_READABLE, at(4, 59, 1), 0, "");
    driver_free(driver);
}

static void log_is_deleted(struct story *story)
{
    struct driver *driver = healthy(story);
    host_event(driver, EVENT_LOG_DELETED, at(4, 50, 0), 0,
               "the log was deleted: restart the scheduler (nothing is at /tmp/iceberg-offload-scheduler.log any more; "
               "its writer writes on into the deleted file, which cannot be found again after a restart of the agent)");
    driver_tick(driver, at(4, 59, 0));
    host_event(driver, EVENT_LOG_READABLE, at(4, 59, 1), 0, "");
    driver_free(driver);
}

static void log_is_not_understood(struct story *story)
{
    struct driver *driver = listen_to(story, driver_new());
    host_event(driver, EVENT_LINES_UNKNOWN, at(4, 50, 0), 60,
               "60 lines came, and none is understood; the first is \"level=info msg=started\"");
    driver_tick(driver, at(5, 59, 0));
    host_event(driver, EVENT_LINES_KNOWN, at(5, 59, 1), 0, "");
    driver_free(driver);
}

/* The summaries count a failure that no line told. */
static void summary_differs(struct story *story)
{
    struct driver *driver = healthy(story);
    for (int64_t slot = 0; slot < 4; slot++) {
        int64_t at_ms = at(5, 15 * slot, 0);
        driver_begin(driver, at_ms);
        driver_run(driver, at_ms, BINANCE);
        driver_ok(driver, at_ms + seconds(5), BINANCE, 5000);
        driver_end(driver, at_ms + seconds(6));
        driver_feed(
            driver,
            (struct event){ .kind = EVENT_CYCLE_SUMMARY, .time_ms = at_ms + seconds(6), .succeeded = 2, .failed = 0 });
    }
    recover(driver, at(6, 0, 0));
    driver_free(driver);
}

static void webhook_is_stuck(struct story *story)
{
    struct driver *driver = healthy(story);
    host_event(driver, EVENT_WEBHOOK_STUCK, at(4, 50, 0), 0,
               "webhook oncall refuses what it is sent: HTTP 403: invalid_token");
    host_event(driver, EVENT_WEBHOOK_WELL, at(4, 59, 0), 0, "");
    host_event(driver, EVENT_WEBHOOK_STUCK, at(5, 0, 0), 0, "webhook oncall takes nothing: Connection timed out");
    driver_free(driver);
}

/* --- the scheduler ------------------------------------------------------------------------------------------- */

static void scheduler_dies_again_and_again(struct story *story)
{
    struct driver *driver = healthy(story);
    for (int64_t hour = 5; hour < 9; hour++) {
        driver_start(driver, at(hour, 0, 0));
        driver_cycles(driver, at(hour, 0, 0), at(hour + 1, 0, 0), seconds(20), HEALTHY);
    }
    driver_cycles(driver, at(9, 0, 0), at(40, 0, 0), seconds(20), HEALTHY);
    driver_free(driver);
}

/* It never gets as far as a cycle's end. */
static void scheduler_dies_in_each_cycle(struct story *story)
{
    struct driver *driver = healthy(story);
    for (int64_t minute = 0; minute < 60; minute += 5) {
        driver_start(driver, at(5, minute, 0));
        driver_begin(driver, at(5, minute, 1));
        driver_run(driver, at(5, minute, 1), BINANCE);
    }
    driver_start(driver, at(6, 0, 0));
    recover(driver, at(6, 0, 5));
    driver_free(driver);
}

static void unit_says(struct driver *driver, int64_t at_ms, enum unit_state state, const char *words, const char *cause)
{
    driver_feed(driver, (struct event){ .kind = EVENT_UNIT_STATE,
                                        .time_ms = at_ms,
                                        .offset = -1,
                                        .number = state,
                                        .at_ms = at_ms,
                                        .text = slice_of(words),
                                        .cause = slice_of(cause) });
}

static struct driver *of_a_unit(struct story *story)
{
    struct driver *driver = healthy(story);
    driver_say(driver, EVENT_WRITER_BACK, at(4, 46, 0));
    unit_says(driver, at(4, 46, 1), UNIT_RUNS, "it runs, as process 77", "");
    return driver;
}

static void unit_is_out_of_memory(struct story *story)
{
    struct driver *driver = of_a_unit(story);
    unit_says(driver, at(4, 50, 0), UNIT_RESTARTING, "killed by SIGKILL (out of memory); systemd restarts it",
              "scheduler-oom");
    driver_say(driver, EVENT_WRITER_GONE, at(4, 50, 0));
    driver_start(driver, at(4, 50, 30));
    recover(driver, at(5, 0, 0));
    driver_free(driver);
}

static void unit_failed(struct story *story)
{
    struct driver *driver = of_a_unit(story);
    unit_says(driver, at(4, 50, 0), UNIT_GIVEN_UP,
              "exited with code 203 (its program cannot be started); systemd does not restart it (Restart=no)",
              "scheduler-failed");
    driver_say(driver, EVENT_WRITER_GONE, at(4, 50, 0));
    driver_tick(driver, at(8, 0, 0));
    recover(driver, at(8, 0, 0));
    driver_free(driver);
}

static void unit_is_given_up(struct story *story)
{
    struct driver *driver = of_a_unit(story);
    driver_say(driver, EVENT_WRITER_GONE, at(4, 50, 0));
    unit_says(driver, at(4, 50, 1), UNIT_GIVEN_UP,
              "systemd has given up after 5 starts; the last one exited with code 1", "scheduler-given-up");
    recover(driver, at(5, 15, 0));
    driver_free(driver);
}

static void scheduler_is_killed(struct story *story)
{
    struct driver *driver = healthy(story);
    driver_say(driver, EVENT_WRITER_GONE, at(4, 50, 0));
    driver_tick(driver, at(4, 59, 0));
    driver_start(driver, at(4, 59, 30));
    recover(driver, at(5, 0, 0));
    driver_free(driver);
}

static void scheduler_crashes(struct story *story)
{
    struct driver *driver = healthy(story);
    host_event(driver, EVENT_SCHEDULER_CRASHED, at(4, 50, 0), 0, "Traceback");
    driver_tick(driver, at(4, 51, 0));
    driver_start(driver, at(4, 51, 30));
    recover(driver, at(5, 0, 0));
    driver_free(driver);
}

static void host_notes(struct driver *driver, int64_t at_ms, const char *cause, const char *words)
{
    driver_feed(driver, (struct event){ .kind = EVENT_HOST_NOTED,
                                        .time_ms = at_ms,
                                        .offset = -1,
                                        .number = 1,
                                        .cause = slice_of(cause),
                                        .line = slice_of(words) });
}

static void disk_of_the_log_is_full(struct story *story)
{
    struct driver *driver = healthy(story);
    driver_tick(driver, at(5, 1, 0));
    host_notes(driver, at(5, 1, 1), "log-disk-full", "the log's disk is full: 0 bytes are free at /var/log/offload");
    driver_tick(driver, at(8, 0, 0));
    recover(driver, at(8, 0, 1));
    driver_free(driver);
}

static void disk_of_the_warehouse_is_full(struct story *story)
{
    struct driver *driver = healthy(story);
    driver_cycles(driver, at(5, 0, 0), at(5, 30, 0), seconds(20), BINANCE "=fail " KRAKEN "=fail");
    host_notes(driver, at(5, 30, 1), "warehouse-disk-full",
               "the warehouse's disk is full: 4096 bytes are free at /srv/warehouse");
    driver_cycles(driver, at(5, 45, 0), at(7, 0, 0), seconds(20), BINANCE "=fail " KRAKEN "=fail");
    recover(driver, at(7, 0, 0));
    driver_free(driver);
}

/* The first slow cycle, and three hours of those that take longer than the limit. */
static void cycles_are_slow(struct story *story)
{
    struct driver *driver = healthy(story);
    driver_cycle(driver, at(5, 0, 0), minutes(6), HEALTHY);
    driver_cycles(driver, at(5, 15, 0), at(9, 15, 0), minutes(12), HEALTHY);
    recover(driver, at(9, 15, 0));
    driver_free(driver);
}

/* --- the tables ---------------------------------------------------------------------------------------------- */

static void one_run(struct driver *driver, int64_t at_ms, const char *table, const char *said)
{
    driver_run(driver, at_ms, table);
    if (said)
        driver_fail_saying(driver, at_ms + seconds(5), table, 1, said);
    else
        driver_ok(driver, at_ms + seconds(5), table, 5000);
}

/* Each table has a cause of its own: two incidents. */
static void two_causes(struct story *story)
{
    struct driver *driver = healthy(story);
    for (int64_t slot = 0; slot < 8; slot++) {
        driver_begin(driver, at(5, 15 * slot, 0));
        one_run(driver, at(5, 15 * slot, 0), BINANCE, "java.lang.OutOfMemoryError: Java heap space");
        one_run(driver, at(5, 15 * slot, 6), KRAKEN,
                "Connection refused, server ClickHouseNode [uri=http://clickhouse:8123/k2]");
        driver_end(driver, at(5, 15 * slot, 12));
    }
    recover(driver, at(7, 0, 0));
    driver_free(driver);
}

static void dead_component_with_12_tables(struct story *story)
{
    struct driver *driver = listen_to(story, driver_new());
    driver_start(driver, at(0, 0, 0));
    driver_cycles(driver, at(0, 0, 0), at(5, 0, 0), seconds(24), TWELVE("5000"));
    driver_cycle(driver, at(5, 0, 0), seconds(24), TWELVE("fail"));
    driver_feed(driver, (struct event){ .kind = EVENT_PROBE_DOWN,
                                        .time_ms = at(5, 0, 30),
                                        .offset = -1,
                                        .text = slice_of("clickhouse"),
                                        .line = slice_of("connection refused") });
    driver_cycles(driver, at(5, 15, 0), at(7, 30, 0), seconds(24), TWELVE("fail"));
    driver_cycles(driver, at(7, 30, 0), at(8, 30, 0), seconds(24), TWELVE("5000"));
    driver_free(driver);
}

static void table_is_gone(struct story *story)
{
    struct driver *driver = healthy(story);
    driver_say(driver, EVENT_SCHEDULER_STOPPED, at(4, 59, 0));
    driver_start(driver, at(4, 59, 30));
    driver_feed(driver, (struct event){ .kind = EVENT_SCHEDULER_TABLES, .time_ms = at(4, 59, 30), .number = 1 });
    for (int64_t slot = 0; slot < 4; slot++) {
        driver_begin(driver, at(5, 15 * slot, 0));
        driver_feed(driver, (struct event){ .kind = EVENT_CYCLE_TABLES, .time_ms = at(5, 15 * slot, 0), .number = 1 });
        one_run(driver, at(5, 15 * slot, 0), BINANCE, NULL);
        driver_end(driver, at(5, 15 * slot, 6));
    }
    driver_free(driver);
}

static void few_rows(struct story *story)
{
    struct driver *driver = listen_to(story, driver_new());
    driver_start(driver, at(-24 * 7, 0, 0));
    driver_cycles(driver, at(-24 * 7, 0, 0), at(5, 0, 0), seconds(20), BINANCE "=10000");
    driver_cycles(driver, at(5, 0, 0), at(6, 30, 0), seconds(20), BINANCE "=900");
    driver_cycles(driver, at(6, 30, 0), at(9, 0, 0), seconds(20), BINANCE "=10000");
    driver_free(driver);
}

static void some_runs_fail(struct story *story)
{
    struct driver *driver = listen_to(story, driver_new());
    driver_start(driver, at(-48, 0, 0));
    driver_cycles(driver, at(-48, 0, 0), at(0, 0, 0), seconds(20), HEALTHY);
    for (int64_t hour = 0; hour < 6; hour++) {
        driver_cycle(driver, at(hour, 0, 0), seconds(20), BINANCE "=fail " KRAKEN "=5000");
        driver_cycles(driver, at(hour, 15, 0), at(hour + 1, 0, 0), seconds(20), HEALTHY);
    }
    driver_cycles(driver, at(6, 0, 0), at(30, 0, 0), seconds(20), HEALTHY);
    driver_free(driver);
}

static void certain_stall(struct story *story)
{
    struct driver *driver = healthy(story);
    for (int64_t slot = 0; slot < 9; slot++) {
        driver_cycle(driver, at(5, 15 * slot, 0), seconds(20), BINANCE "=0 " KRAKEN "=5000");
        driver_feed(driver, (struct event){ .kind = EVENT_TABLE_WITNESSED,
                                            .time_ms = at(5, 15 * slot, 25),
                                            .offset = -1,
                                            .table = slice_of(BINANCE),
                                            .number = slot < 8 ? 0 : 9000,
                                            .duration_ms = slot < 8 ? minutes(15 * (slot + 1)) : 0,
                                            .text = slice_of("the Iceberg metadata") });
    }
    driver_free(driver);
}

/* More begins within an hour than people are told one by one. Each table has a trouble of its own, hours apart from the others. */
static void crowded_hour(struct story *story)
{
    enum { TABLES = 8 };
    struct driver *driver = listen_to(story, driver_new());
    driver->settings.detect.lag_warning_ms = driver->settings.detect.lag_critical_ms = hours(1000);
    driver->settings.schedule.late_warning_ms = hours(1000);
    driver_configure(driver);
    driver_cycle(driver, at(0, 0, 0), seconds(1), TWELVE("5000"));
    for (size_t i = 0; i < TABLES; i++) {
        driver_tick(driver, at(24, 0, (int64_t)i));
        incidents_raise(&driver->engine->incidents, &(struct finding){ .kind = KIND_THROUGHPUT,
                                                                       .severity = SEVERITY_WARNING,
                                                                       .table = &driver->engine->tables.at[i],
                                                                       .onset_ms = at(2 * (int64_t)i, 0, 0) });
        driver_configure(driver);
    }
    driver_tick(driver, at(25, 0, 10));
    driver_free(driver);
}

static void tell_stories(void (*hear)(void *ctx, const char *story, const struct notification *notification), void *ctx)
{
    static const struct {
        const char *name;
        void (*tell)(struct story *story);
    } stories[] = {
        { "log missing", log_is_missing },
        { "log refused", log_is_refused },
        { "log deleted", log_is_deleted },
        { "log not understood", log_is_not_understood },
        { "summary differs", summary_differs },
        { "webhook stuck", webhook_is_stuck },
        { "crash loop", scheduler_dies_again_and_again },
        { "crash loop without cycles", scheduler_dies_in_each_cycle },
        { "unit out of memory", unit_is_out_of_memory },
        { "unit failed", unit_failed },
        { "unit given up", unit_is_given_up },
        { "scheduler killed", scheduler_is_killed },
        { "scheduler crashed", scheduler_crashes },
        { "slow cycles", cycles_are_slow },
        { "log's disk full", disk_of_the_log_is_full },
        { "warehouse's disk full", disk_of_the_warehouse_is_full },
        { "two causes", two_causes },
        { "dead component, 12 tables", dead_component_with_12_tables },
        { "table gone", table_is_gone },
        { "few rows", few_rows },
        { "some runs fail", some_runs_fail },
        { "certain stall", certain_stall },
        { "crowded hour", crowded_hour },
    };
    for (size_t i = 0; i < sizeof stories / sizeof stories[0]; i++) {
        struct story story = { stories[i].name, hear, ctx, 0 };
        stories[i].tell(&story);
        if (story.told == 0)
            fail_msg("%s: nobody is told", story.name);
    }
}
