/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_CORE_NAMED_DRIVER_H
#define TESTS_CORE_NAMED_DRIVER_H

#include "core_driver.c"

/* Events of runs and cycles that have names, and a pipeline of two tables, a and b, with a cycle every quarter of an hour. */

static inline int64_t quarter(int64_t number, int64_t second)
{
    return at(0, 0, 0) + number * minutes(15) + seconds(second);
}

static inline void of_run(struct driver *driver, int64_t at_ms, enum event_kind kind, const char *run,
                          const char *table, int64_t number, const char *text)
{
    feed_line(driver, (struct event){ .kind = kind,
                                      .time_ms = at_ms,
                                      .run = slice_of(run),
                                      .table = slice_of(table),
                                      .number = number,
                                      .duration_ms = kind == EVENT_RUN_DURATION ? number : 0,
                                      .text = slice_of(text) });
}

static inline void of_cycle(struct driver *driver, int64_t at_ms, enum event_kind kind, const char *cycle,
                            const char *text)
{
    feed_line(driver,
              (struct event){ .kind = kind, .time_ms = at_ms, .cycle = slice_of(cycle), .text = slice_of(text) });
}

static inline void begins(struct driver *driver, int64_t at_ms, const char *run, const char *table)
{
    of_run(driver, at_ms, EVENT_RUN_STARTED, run, table, 0, "");
}

static inline void succeeds(struct driver *driver, int64_t at_ms, const char *run, const char *table, int64_t rows)
{
    of_run(driver, at_ms, EVENT_RUN_COMPLETED, run, table, -1, "");
    of_run(driver, at_ms, EVENT_RUN_ROWS, run, table, rows, "");
    of_run(driver, at_ms + 20, EVENT_RUN_ENDED, run, table, 0, "");
}

/* One after the other, each in five seconds. */
static inline void good_cycle(struct driver *driver, int64_t number)
{
    of_cycle(driver, quarter(number, 0), EVENT_CYCLE_STARTED, "good", "");
    begins(driver, quarter(number, 0), "r1", "a");
    succeeds(driver, quarter(number, 5), "r1", "a", 100);
    begins(driver, quarter(number, 5), "r2", "b");
    succeeds(driver, quarter(number, 10), "r2", "b", 200);
    of_cycle(driver, quarter(number, 11), EVENT_CYCLE_COMPLETED, "good", "");
}

/* Enough good cycles that the interval is known. */
enum { KNOWN = 7 };

static inline struct driver *driver_of_names(void)
{
    struct driver *driver = driver_new();
    for (int64_t number = 0; number < KNOWN; number++)
        good_cycle(driver, number);
    assert_told(driver, "");
    return driver;
}

static inline const struct driver_run *newest_run(const struct driver *driver)
{
    return &driver->runs[driver->run_count - 1];
}

static inline const struct cycle *newest_cycle(const struct driver *driver)
{
    return &driver->cycles[driver->cycle_count - 1];
}

#endif
