/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A history that may not be written, or not even be read, when the agent starts, and may be later. */
#include "history_help.h"

#include "base/budgets.h"

/* Root may do everything, so that it plays somebody else for a while. */
enum { SOMEBODY = 65534 };

static void play(uid_t user)
{
    if (getuid() == 0)
        assert_int_equal(seteuid(user), 0);
}

static void set_modes(const struct place *place, mode_t directory, mode_t files)
{
    static const char *const suffixes[] = { "", "-wal", "-shm", "-lock" };
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char name[192];
        snprintf(name, sizeof name, "%s%s", place->path, suffixes[i]);
        if (access(name, F_OK) == 0)
            assert_int_equal(chmod(name, files), 0);
    }
    assert_int_equal(chmod(place->directory, directory), 0);
}

static const struct source_position where = { .device = 1, .inode = 2, .offset = 3 };

/* A history with one cycle, a position, a state and a page that waits. */
static void leave_history(struct place *place)
{
    place_make(place);
    struct history *history = must_open(place);
    gather_cycles(history, 1, 1);
    gather_message(history, 1, 1);
    history_put_sources(history, &where, 1);
    history_put_state(history, "engine.live", slice_of("clock 1\n"));
    must_commit(history);
    history_close(history);
}

static struct history *open_in_memory(const struct place *place)
{
    struct strbuf notice = { 0 }, error = { 0 };
    struct history *history = history_open(place->path, &notice, &error);
    assert_non_null(history);
    assert_non_null(strstr(strbuf_text(&notice), "kept in memory until it can be written"));
    assert_non_null(strstr(strbuf_text(&notice), place->path));
    assert_int_equal(error.len, 0);
    assert_false(history_on_disk(history));
    strbuf_free(&notice);
    strbuf_free(&error);
    return history;
}

static void assert_commit(struct history *history, enum history_status expected)
{
    struct strbuf error = { 0 };
    assert_int_equal(history_commit(history, &error), expected);
    assert_int_equal(error.len == 0, expected == HISTORY_OK);
    strbuf_free(&error);
}

static void assert_goes_on_from_the_file(struct history *history, size_t pages)
{
    struct strbuf value = { 0 };
    struct source_position position;
    struct outbox_entry entries[4];
    assert_true(history_get_state(history, "engine.live", &value));
    assert_string_equal(value.at, "clock 1\n");
    assert_int_equal(history_get_sources(history, &position, 1), 1);
    assert_int_equal(position.offset, 3);
    size_t count = history_get_outbox(history, "pager", 0, entries, 4);
    assert_int_equal(count, pages);
    free_entries(entries, count);
    strbuf_free(&value);
}

static void one_that_can_be_read_is_gone_on_from(void **unused)
{
    (void)unused;
    struct place place;
    leave_history(&place);
    set_modes(&place, 0555, 0444);
    play(SOMEBODY);
    struct history *history = open_in_memory(&place);
    assert_goes_on_from_the_file(history, 1);
    gather_cycles(history, 2, 1);
    assert_int_equal(gather_message(history, 1, 2), 3);
    assert_commit(history, HISTORY_FULL);
    assert_goes_on_from_the_file(history, 2);
    assert_false(history_prune(history, INT64_MAX));
    tend(history);
    play(0);
    set_modes(&place, 0755, 0644);
    must_commit(history);
    assert_true(history_on_disk(history));
    assert_row(&place,
               "SELECT group_concat(id), (SELECT group_concat(id) FROM outbox), (SELECT rtrim(value, char(10)) FROM "
               "state), (SELECT "
               "offset FROM source)"
               " FROM cycle",
               "1,2|1,2,3,4|clock 1|3");
    history_close(history);
    place_remove(&place);
}

static void one_that_another_run_wrote_meanwhile_is_not_overwritten(void **unused)
{
    (void)unused;
    struct place place;
    leave_history(&place);
    set_modes(&place, 0555, 0444);
    play(SOMEBODY);
    struct history *history = open_in_memory(&place);
    gather_cycles(history, 2, 1);
    assert_commit(history, HISTORY_FULL);
    play(0);
    set_modes(&place, 0755, 0644);
    /* By another process: in this one SQLite shares its view of the file's locks with the history's connection. */
    char command[400];
    snprintf(command, sizeof command,
             "python3 -c \"import sqlite3; db = sqlite3.connect('%s'); db.execute('UPDATE source SET offset = 99'); "
             "db.commit()\"",
             place.path);
    assert_int_equal(system(command), 0);
    assert_commit(history, HISTORY_REOPEN);
    assert_row(&place, "SELECT group_concat(id) FROM cycle", "1");
    history_close(history);
    place_remove(&place);
}

static void one_that_cannot_be_read_is_opened_anew_later(void **unused)
{
    (void)unused;
    struct place place;
    leave_history(&place);
    set_modes(&place, 0555, 0);
    play(SOMEBODY);
    struct history *history = open_in_memory(&place);
    struct source_position position;
    assert_int_equal(history_get_sources(history, &position, 1), 0);
    gather_cycles(history, 1, 5);
    assert_int_equal(gather_message(history, 1, 1), 1);
    assert_commit(history, HISTORY_FULL);
    play(0);
    set_modes(&place, 0755, 0644);
    assert_commit(history, HISTORY_REOPEN);
    assert_true(history_dirty(history));
    history_close(history);
    assert_row(&place, "SELECT group_concat(id), (SELECT count(*) FROM outbox) FROM cycle", "1|2");
    history = must_open(&place);
    assert_goes_on_from_the_file(history, 1);
    history_close(history);
    place_remove(&place);
}

/* A tool holds the database for longer than a start waits. */
static void a_locked_one_is_opened_anew_later(void **unused)
{
    (void)unused;
    struct place place;
    leave_history(&place);
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(place.path, &other), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(other, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; DELETE FROM cycle", NULL, NULL, NULL),
        SQLITE_OK);
    struct history *history = open_in_memory(&place);
    gather_cycles(history, 7, 1);
    assert_commit(history, HISTORY_BUSY);
    sqlite3_close(other);
    assert_commit(history, HISTORY_REOPEN);
    history_close(history);
    place_remove(&place);
}

/* Months of cycles cannot all wait: the newest do, and what people were told does in any case. */
static void what_waits_in_memory_is_bounded(void **unused)
{
    (void)unused;
    struct place place;
    struct strbuf error = { 0 };
    place_make(&place);
    struct strbuf notice = { 0 };
    char beneath[160];
    change(&place, "PRAGMA user_version = 0");
    snprintf(beneath, sizeof beneath, "%.100s/history.db/h.db", place.directory); /* below a file */
    struct history *history = history_open(beneath, &notice, &error);
    assert_non_null(history);
    gather_message(history, 1, 1);
    struct engine_sink sink = history_sink(history);
    struct incident incident = sample_incident(1);
    sink.incident(sink.ctx, &incident);
    /* More than once too much, and then half of it again, since nothing is left of what was too much. */
    int64_t cycles = 0;
    for (; cycles < 25000 || history_pending_bytes(history) < HISTORY_MEMORY_MAX_BYTES / 2; cycles += 500) {
        gather_cycles(history, 1 + cycles, 500);
        strbuf_clear(&error);
        assert_int_equal(history_commit(history, &error), HISTORY_FULL);
        assert_in_range(history_pending_bytes(history), 1, HISTORY_MEMORY_MAX_BYTES);
    }
    assert_non_null(strstr(strbuf_text(&error), "will lack some of them"));
    struct outbox_entry entries[4];
    size_t count = history_get_outbox(history, "pager", 0, entries, 4);
    assert_int_equal(count, 1);
    free_entries(entries, count);

    /* The place becomes one where a history can be. */
    assert_int_equal(unlink(place.path), 0);
    assert_int_equal(mkdir(place.path, 0700), 0);
    strbuf_clear(&error);
    assert_int_equal(history_commit(history, &error), HISTORY_OK);
    struct place inner = place;
    snprintf(inner.path, sizeof inner.path, "%s", beneath);
    assert_row(
        &inner,
        "SELECT max(id) >= 25000, count(*) < max(id) AND count(*) > 1000, (SELECT summary || tables FROM incident),"
        " (SELECT group_concat(webhook || status) FROM outbox) FROM cycle",
        "1|1|late[\"bronze \\\"a\\\"\",\"bronze_b\"]|pagerpending,chatpending");
    history_close(history);
    static const char *const suffixes[] = { "", "-wal", "-shm", "-lock" };
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char name[192];
        snprintf(name, sizeof name, "%s%s", beneath, suffixes[i]);
        unlink(name);
    }
    rmdir(place.path);
    strbuf_free(&notice);
    strbuf_free(&error);
    place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_can_be_read_is_gone_on_from),
        cmocka_unit_test(one_that_another_run_wrote_meanwhile_is_not_overwritten),
        cmocka_unit_test(one_that_cannot_be_read_is_opened_anew_later),
        cmocka_unit_test(a_locked_one_is_opened_anew_later),
        cmocka_unit_test(what_waits_in_memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
