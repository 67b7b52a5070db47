/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every write that a commit makes goes wrong once, in every way. The invariant: a batch is in the database wholly or not at
 * all, and the same history completes it as soon as the fault is over.
 */
#include "history_help.h"

#include <sys/wait.h>
#include <time.h>

#include "fault_vfs.h"

static const char everything[] =
    "SELECT (SELECT count(*) FROM cycle), (SELECT count(*) FROM run), (SELECT count(*) FROM incident),"
    " (SELECT count(*) FROM timeline), (SELECT count(*) FROM notification), (SELECT count(*) FROM outbox),"
    " (SELECT value FROM state), (SELECT offset FROM source), (SELECT quick_check FROM pragma_quick_check)";
static const char before[] = "1|40|1|1|1|2|state 1|1|ok";
static const char after[] = "2|80|2|2|2|4|state 2|2|ok";

/* Some pages' worth of everything. */
static void gather_batch(struct history *history, int64_t number)
{
    struct engine_sink sink = history_sink(history);
    struct cycle cycle = sample_cycle(number);
    sink.cycle(sink.ctx, &cycle);
    for (int64_t i = 0; i < 40; i++) {
        struct run run = sample_run(40 * number + i, "bronze_trades_binance");
        run.error =
            "java.net.ConnectException: Connection refused, and five hundred characters of what else there is to say";
        sink.run(sink.ctx, &run);
    }
    struct incident incident = sample_incident(number);
    sink.incident(sink.ctx, &incident);
    struct timeline_entry fact = { number, 1000 * number, -1, "opened", "so it began" };
    sink.timeline(sink.ctx, &fact);
    gather_message(history, number, 1);
    char state[32];
    snprintf(state, sizeof state, "state %d", (int)number);
    history_put_state(history, "engine.live", slice_of(state));
    history_put_sources(history, &(struct source_position){ 1, 2, number, 3, 4, 5, 6 }, 1);
}

/* The first batch is in, the second gathered. */
static struct history *prepare(struct place *place)
{
    place_make(place);
    struct history *history = must_open(place);
    gather_batch(history, 1);
    must_commit(history);
    gather_batch(history, 2);
    return history;
}

static bool is_row(const struct place *place, const char *expected)
{
    char *row = look_with(place, "unix", everything);
    bool is = strcmp(row, expected) == 0;
    free(row);
    return is;
}

static void assert_pending_is_readable(struct history *history)
{
    struct outbox_entry entries[4];
    size_t count = history_get_outbox(history, "pager", 0, entries, 4);
    assert_int_equal(count, 2);
    assert_int_equal(entries[1].message->incident_id, 2);
    free_entries(entries, count);
}

/* Returns false once the fault came too late to strike. */
static bool fail_nth(enum fault_kind kind, enum fault_length length, int nth, enum history_status expected)
{
    struct place place;
    struct history *history = prepare(&place);
    struct strbuf error = { 0 };
    fault_arm(kind, length, nth);
    enum history_status status = history_commit(history, &error);
    bool struck = fault.hits > 0;
    if (status != HISTORY_OK) {
        assert_true(struck);
        assert_int_equal(status, expected);
        assert_non_null(strstr(strbuf_text(&error), "cannot commit"));
        assert_true(history_dirty(history));
        assert_int_not_equal(history_pending_bytes(history), 0);
        assert_pending_is_readable(history);
    }
    fault_disarm();
    assert_true(is_row(&place, status == HISTORY_OK ? after : before));
    must_commit(history);
    assert_true(is_row(&place, after));
    history_close(history);
    strbuf_free(&error);
    place_remove(&place);
    return struck;
}

static void fail_every(enum fault_kind kind, enum fault_length length, enum history_status expected)
{
    int nth = 1;
    while (fail_nth(kind, length, nth, expected))
        nth++;
    assert_in_range(nth, 6, 500);
}

static void a_full_disk_keeps_the_batch(void **unused)
{
    (void)unused;
    fail_every(FAULT_FULL, FAULT_ONCE, HISTORY_FULL);
    fail_every(FAULT_FULL, FAULT_LASTING, HISTORY_FULL);
}

static void an_io_error_keeps_the_batch(void **unused)
{
    (void)unused;
    fail_every(FAULT_IO, FAULT_ONCE, HISTORY_FULL);
    fail_every(FAULT_IO, FAULT_LASTING, HISTORY_FULL);
}

static void a_torn_write_keeps_the_batch(void **unused)
{
    (void)unused;
    fail_every(FAULT_TORN, FAULT_ONCE, HISTORY_FULL);
    fail_every(FAULT_TORN, FAULT_LASTING, HISTORY_FULL);
}

static void a_read_only_disk_keeps_the_batch(void **unused)
{
    (void)unused;
    fail_every(FAULT_READONLY, FAULT_LASTING, HISTORY_FULL);
}

/* The process ends at the n-th write; what a new one finds is the invariant. Returns false once it outlived the commit. */
static bool kill_nth(int nth)
{
    struct place place;
    place_make(&place);
    pid_t child = fork();
    assert_int_not_equal(child, -1);
    if (child == 0) {
        struct strbuf notice = { 0 }, error = { 0 };
        struct history *history = history_open(place.path, &notice, &error);
        gather_batch(history, 1);
        history_commit(history, &error);
        gather_batch(history, 2);
        fault_arm(FAULT_KILL, FAULT_ONCE, nth);
        history_commit(history, &error);
        fault_disarm();
        history_close(history);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    assert_true(killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0));

    struct history *history = must_open(&place);
    bool whole = is_row(&place, after);
    assert_true(whole || is_row(&place, before));
    assert_true(whole || killed);
    if (!whole) {
        gather_batch(history, 2);
        must_commit(history);
        assert_true(is_row(&place, after));
    }
    history_close(history);
    place_remove(&place);
    return killed;
}

static void a_kill_at_any_write_leaves_all_or_nothing(void **unused)
{
    (void)unused;
    int nth = 1;
    while (kill_nth(nth))
        nth++;
    assert_in_range(nth, 6, 500);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void a_locked_database_is_tried_again_without_blocking(void **unused)
{
    (void)unused;
    struct place place;
    struct history *history = prepare(&place);
    struct strbuf error = { 0 };
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open_v2(place.path, &other, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    int64_t began_ms = now_ms();
    assert_int_equal(history_commit(history, &error), HISTORY_BUSY);
    assert_in_range(now_ms() - began_ms, 0, 300);
    assert_non_null(strstr(strbuf_text(&error), "locked"));
    assert_false(history_prune(history, INT64_MAX));
    assert_pending_is_readable(history);
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    must_commit(history);
    assert_true(is_row(&place, after));
    history_close(history);
    strbuf_free(&error);
    place_remove(&place);
}

/* A statement is refused in the middle of the transaction, which SQLite leaves open: the history rolls it back. */
static void a_refused_row_takes_the_whole_batch_back(void **unused)
{
    (void)unused;
    struct place place;
    struct history *history = prepare(&place);
    struct strbuf error = { 0 };
    change(&place, "CREATE UNIQUE INDEX refuse ON incident (summary)");
    assert_int_equal(history_commit(history, &error), HISTORY_FATAL);
    assert_non_null(strstr(strbuf_text(&error), "UNIQUE constraint failed"));
    assert_true(history_dirty(history));
    assert_true(is_row(&place, before));
    change(&place, "DROP INDEX refuse");
    must_commit(history);
    assert_true(is_row(&place, after));
    history_close(history);
    strbuf_free(&error);
    place_remove(&place);
}

/* Pages pile up while the disk is full; they are neither lost nor doubled, and new ones join the batch. */
static void a_long_fault_gathers_on(void **unused)
{
    (void)unused;
    struct place place;
    struct history *history = prepare(&place);
    struct strbuf error = { 0 };
    fault_arm(FAULT_FULL, FAULT_LASTING, 1);
    for (int64_t number = 3; number <= 20; number++) {
        assert_int_equal(history_commit(history, &error), HISTORY_FULL);
        gather_batch(history, number);
    }
    assert_false(history_prune(history, 1));
    tend(history);
    fault_disarm();
    must_commit(history);
    assert_true(is_row(&place, "20|800|20|20|20|40|state 20|20|ok"));
    history_close(history);
    strbuf_free(&error);
    place_remove(&place);
}

/*
 * The disk is full from the n-th write of the very first start on. What is gathered waits in memory, nothing half made is left
 * behind, and with room the history is as if there had always been some. Returns false once there was room to open it.
 */
static bool begin_without_room(int nth)
{
    struct place place;
    struct strbuf notice = { 0 }, error = { 0 };
    place_make(&place);
    fault_arm(FAULT_FULL, FAULT_LASTING, nth);
    struct history *history = history_open(place.path, &notice, &error);
    assert_non_null(history);
    bool in_memory = notice.len > 0;
    if (in_memory) {
        assert_non_null(strstr(notice.at, "no room for a new history"));
        assert_int_equal(error.len, 0);
        gather_batch(history, 1);
        assert_int_equal(history_commit(history, &error), HISTORY_FULL);
        assert_int_equal(access(place.path, F_OK), -1);
        assert_false(history_prune(history, 1));
        tend(history);
        assert_int_equal(silence_end(history, 1), 0);
        gather_batch(history, 2);
        assert_pending_is_readable(history);
        fault_disarm();
        must_commit(history);
        assert_true(is_row(&place, after));
    }
    fault_disarm();
    history_close(history);
    strbuf_free(&notice);
    strbuf_free(&error);
    place_remove(&place);
    return in_memory;
}

static void a_first_start_on_a_full_disk_begins_in_memory(void **unused)
{
    (void)unused;
    int nth = 1;
    while (begin_without_room(nth))
        nth++;
    assert_in_range(nth, 6, 500);
}

/* A database that is there but has no tables yet, and a disk that is full for the first three commits. */
static void an_empty_history_that_cannot_be_opened_takes_all_later(void **unused)
{
    (void)unused;
    struct place place;
    struct strbuf notice = { 0 }, error = { 0 };
    place_make(&place);
    change(&place, "CREATE TABLE bookmarks (id)");
    change(&place, "DROP TABLE bookmarks");
    fault_arm(FAULT_FULL, FAULT_LASTING, 1);
    struct history *history = history_open(place.path, &notice, &error);
    assert_non_null(history);
    assert_non_null(strstr(strbuf_text(&notice), "full: the history is kept in memory"));
    assert_int_equal(error.len, 0);
    for (int64_t number = 1; number <= 2; number++) {
        assert_false(history_on_disk(history));
        gather_batch(history, number);
        assert_int_equal(history_commit(history, &error), HISTORY_FULL);
    }
    assert_int_equal(access(place.path, F_OK), 0);
    fault_disarm();
    must_commit(history);
    assert_true(history_on_disk(history));
    assert_true(is_row(&place, after));
    history_close(history);
    strbuf_free(&notice);
    strbuf_free(&error);
    place_remove(&place);
}

/* Pruning and checkpoints fail as well: silently, with nothing broken. */
static void pruning_survives_every_fault(void **unused)
{
    (void)unused;
    bool struck = true;
    for (int nth = 1; struck; nth++) {
        struct place place;
        struct history *history = prepare(&place);
        must_commit(history);
        fault_arm(FAULT_TORN, FAULT_ONCE, nth);
        history_prune(history, 1500);
        struck = fault.hits > 0;
        fault_disarm();
        char *row =
            look_with(&place, "unix", "SELECT count(*), (SELECT quick_check FROM pragma_quick_check) FROM cycle");
        assert_true(strcmp(row, "1|ok") == 0 || (struck && strcmp(row, "2|ok") == 0));
        free(row);
        while (history_prune(history, 1500))
            ;
        row = look_with(&place, "unix", "SELECT min(id) FROM cycle");
        assert_string_equal(row, "2");
        free(row);
        history_close(history);
        place_remove(&place);
    }
}

int main(void)
{
    fault_register();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_keeps_the_batch),
        cmocka_unit_test(an_io_error_keeps_the_batch),
        cmocka_unit_test(a_torn_write_keeps_the_batch),
        cmocka_unit_test(a_read_only_disk_keeps_the_batch),
        cmocka_unit_test(a_kill_at_any_write_leaves_all_or_nothing),
        cmocka_unit_test(a_locked_database_is_tried_again_without_blocking),
        cmocka_unit_test(a_refused_row_takes_the_whole_batch_back),
        cmocka_unit_test(a_long_fault_gathers_on),
        cmocka_unit_test(a_first_start_on_a_full_disk_begins_in_memory),
        cmocka_unit_test(an_empty_history_that_cannot_be_opened_takes_all_later),
        cmocka_unit_test(pruning_survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
