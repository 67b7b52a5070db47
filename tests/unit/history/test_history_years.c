/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ten years through retention: the file stays flat, and no call holds the loop for long. A year is a tenth of a real one's
 * cycles; HISTORY_YEAR=35040 is one a quarter of an hour.
 */
#include "history_help.h"

#include <time.h>

enum { YEARS = 10, DAYS = 365, TABLES = 3, KEPT_DAYS = 90, CYCLES_PER_INCIDENT = 175, LONGEST_MS = 100 };
static const int64_t day_ms = 86400000;

static int64_t cycles_a_year(void)
{
    const char *said = getenv("HISTORY_YEAR");
    int64_t cycles = said ? atoll(said) : 0;
    return cycles > DAYS ? cycles : 3504;
}

struct calls {
    int64_t count, slow; /* slow: longer than promised, and not for want of a processor */
    double longest_ms, longest_cpu_ms;
};

static double clock_ms(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* How long this thread could have run and others did; 0 where the kernel does not count it. */
static double queued_ms(void)
{
    unsigned long long ran = 0, queued = 0;
    FILE *file = fopen("/proc/thread-self/schedstat", "re");
    if (file && fscanf(file, "%llu %llu", &ran, &queued) != 2)
        queued = 0;
    if (file)
        fclose(file);
    return (double)queued / 1e6;
}

/* One call, timed. */
static bool prune(struct history *history, int64_t before_ms, struct calls *calls)
{
    double queued = queued_ms(), cpu = clock_ms(CLOCK_THREAD_CPUTIME_ID), wall = clock_ms(CLOCK_MONOTONIC);
    bool more = history_prune(history, before_ms);
    wall = clock_ms(CLOCK_MONOTONIC) - wall;
    cpu = clock_ms(CLOCK_THREAD_CPUTIME_ID) - cpu;
    queued = queued_ms() - queued;
    calls->count++;
    calls->slow += wall - queued > (double)LONGEST_MS;
    if (wall - queued > calls->longest_ms)
        calls->longest_ms = wall - queued;
    if (cpu > calls->longest_cpu_ms)
        calls->longest_cpu_ms = cpu;
    return more;
}

/* A disk that others keep busy may hold a call up now and then; its own work never takes so long. */
static void assert_short(const struct calls *calls, const char *what)
{
    print_message("# %s: %lld calls, the longest %.1f ms (%.1f ms of the processor), %lld above %d ms\n", what,
                  (long long)calls->count, calls->longest_ms, calls->longest_cpu_ms, (long long)calls->slow,
                  LONGEST_MS);
    assert_true(calls->longest_cpu_ms < (double)LONGEST_MS);
    assert_true(calls->slow * 200 <= calls->count);
}

static void gather_incident(struct history *history, int64_t id, int64_t opened_ms)
{
    struct engine_sink sink = history_sink(history);
    struct incident incident = sample_incident(id);
    incident.opened_ms = opened_ms;
    incident.resolved_ms = opened_ms + 3600000;
    incident.open = false;
    sink.incident(sink.ctx, &incident);
    for (int i = 0; i < 8; i++) {
        struct timeline_entry fact = { id, opened_ms + i, -1, "evidence", "Connection refused by clickhouse:8123" };
        sink.timeline(sink.ctx, &fact);
    }
    for (int64_t sequence = 1; sequence <= 4; sequence++) {
        int64_t entry = gather_message(history, id, sequence);
        history_put_delivery(history, entry, "delivered", 1, 0, opened_ms, NULL);
        history_put_delivery(history, entry + 1, "delivered", 1, 0, opened_ms, NULL);
    }
}

static void gather_cycle(struct history *history, int64_t id, int64_t started_ms)
{
    struct engine_sink sink = history_sink(history);
    struct cycle cycle = { .id = id,
                           .started_ms = started_ms,
                           .ended_ms = started_ms + 60000,
                           .duration_ms = 60000,
                           .outcome = CYCLE_SUCCESS,
                           .tables = TABLES,
                           .succeeded = TABLES };
    sink.cycle(sink.ctx, &cycle);
    for (int64_t i = 0; i < TABLES; i++) {
        char name[40];
        snprintf(name, sizeof name, "bronze_trades_table_%d", (int)i);
        struct run run = { .id = TABLES * id + i,
                           .cycle_id = id,
                           .table = name,
                           .started_ms = started_ms + i,
                           .ended_ms = started_ms + 20000,
                           .duration_ms = 20000,
                           .outcome = RUN_SUCCESS,
                           .rows = 200000,
                           .exit_code = -1 };
        sink.run(sink.ctx, &run);
    }
    if (id % CYCLES_PER_INCIDENT == 0)
        gather_incident(history, id / CYCLES_PER_INCIDENT, started_ms);
}

/* All cycles of a day, committed as one; returns the last one's id. */
static int64_t live_a_day(struct history *history, int64_t day, int64_t last_id)
{
    int64_t count = cycles_a_year() * (day + 1) / DAYS - cycles_a_year() * day / DAYS;
    for (int64_t i = 0; i < count; i++)
        gather_cycle(history, ++last_id, day * day_ms + i * (day_ms / (count + 1)));
    must_commit(history);
    return last_id;
}

static void ten_years_leave_the_file_flat(void **unused)
{
    (void)unused;
    struct place place;
    struct calls calls = { 0 };
    place_make(&place);
    struct history *history = must_open(&place);
    int64_t last_id = 0, first_bytes = 0;
    for (int64_t year = 0; year < YEARS; year++) {
        for (int64_t day = year * DAYS; day < (year + 1) * DAYS; day++) {
            last_id = live_a_day(history, day, last_id);
            while (prune(history, (day - KEPT_DAYS) * day_ms, &calls))
                ;
            tend(history);
        }
        int64_t bytes = file_bytes(&place, ""), wal_bytes = file_bytes(&place, "-wal");
        print_message("# year %2d: %lld cycles so far, %.2f MB, WAL %.2f MB\n", (int)year + 1, (long long)last_id,
                      (double)bytes / 1e6, (double)wal_bytes / 1e6);
        first_bytes = year == 0 ? bytes : first_bytes;
        assert_in_range(bytes, first_bytes / 2, first_bytes + first_bytes / 10);
        assert_in_range(wal_bytes, 0, 8 << 20);
    }
    assert_short(&calls, "pruning as time goes by");
    assert_row(&place, "SELECT max(started_at) - min(started_at) < 91 * 86400000, count(*) > 0 FROM cycle", "1|1");
    assert_row(&place,
               "SELECT (SELECT count(*) FROM run) = 3 * (SELECT count(*) FROM cycle),"
               " (SELECT max(opened_at) - min(opened_at) < 91 * 86400000 FROM incident),"
               " (SELECT count(*) FROM outbox WHERE incident_id NOT IN (SELECT id FROM incident)),"
               " (SELECT count(*) FROM timeline WHERE incident_id NOT IN (SELECT id FROM incident))",
               "1|1|0|0");
    history_close(history);
    place_remove(&place);
}

/* Somebody shortens the retention: all but the last quarter goes, while cycles go on being stored between the calls. */
static void ten_years_go_in_short_steps_while_cycles_come_in(void **unused)
{
    (void)unused;
    struct place place;
    struct calls calls = { 0 };
    place_make(&place);
    struct history *history = must_open(&place);
    int64_t last_id = 0, full_bytes = 0;
    double longest_commit_ms = 0;
    for (int64_t day = 0; day < YEARS * DAYS; day++)
        last_id = live_a_day(history, day, last_id);
    int64_t kept_from_ms = (YEARS * DAYS - KEPT_DAYS) * day_ms, kept = last_id;
    tend(history);
    full_bytes = file_bytes(&place, "");
    for (bool more = true; more;) {
        more = prune(history, kept_from_ms, &calls);
        last_id++;
        gather_cycle(history, last_id, (YEARS * DAYS) * day_ms + last_id);
        double cpu = clock_ms(CLOCK_THREAD_CPUTIME_ID);
        must_commit(history);
        cpu = clock_ms(CLOCK_THREAD_CPUTIME_ID) - cpu;
        longest_commit_ms = cpu > longest_commit_ms ? cpu : longest_commit_ms;
        tend(history);
    }
    print_message("# ten years shrink from %.1f to %.1f MB; the longest commit between took %.1f ms of the processor\n",
                  (double)full_bytes / 1e6, (double)file_bytes(&place, "") / 1e6, longest_commit_ms);
    assert_short(&calls, "pruning ten years at once");
    assert_true(longest_commit_ms < (double)LONGEST_MS);
    assert_true(file_bytes(&place, "") < full_bytes / 5);
    char query[200], expected[64];
    snprintf(query, sizeof query, "SELECT sum(started_at < %lld), sum(id > %lld) FROM cycle", (long long)kept_from_ms,
             (long long)kept);
    snprintf(expected, sizeof expected, "0|%lld", (long long)(last_id - kept));
    assert_row(&place, query, expected);
    history_close(history);
    place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_years_leave_the_file_flat),
        cmocka_unit_test(ten_years_go_in_short_steps_while_cycles_come_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
