/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A history of an older version is copied before it is brought to the newest one. */
#include "history_help.h"

#include "agent/history/schema.h"

static void make_old(const struct place *place)
{
    struct history *history = must_open(place);
    gather_cycles(history, 1, 3);
    must_commit(history);
    history_close(history);
    change(place, "DROP TABLE table_state");
    change(place, "DROP TABLE table_windows");
    change(place, "DROP TABLE incident_state");
    change(place, "PRAGMA user_version = 6");
}

static void beside(const struct place *place, const char *suffix, struct strbuf *path)
{
    strbuf_clear(path);
    strbuf_printf(path, "%s%s", place->path, suffix);
}

static void put_file(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

static void an_old_history_is_copied_and_older_copies_go(void **unused)
{
    (void)unused;
    struct place place;
    struct strbuf path = { 0 }, notice = { 0 }, error = { 0 };
    place_make(&place);
    make_old(&place);
    beside(&place, ".version-3", &path);
    put_file(strbuf_text(&path));
    beside(&place, ".version-6.part", &path); /* what an attempt left that was killed */
    put_file(strbuf_text(&path));

    struct history *history = history_open(place.path, &notice, &error);
    assert_non_null(history);
    assert_non_null(strstr(strbuf_text(&notice), "the old history is kept as "));
    assert_int_equal(access(strbuf_text(&path), F_OK), -1);
    beside(&place, ".version-3", &path);
    assert_int_equal(access(strbuf_text(&path), F_OK), -1);
    history_close(history);
    assert_row(&place, "PRAGMA user_version", "7");

    /* The old version can be installed again: its history is as it was. */
    struct place old = place;
    beside(&place, ".version-6", &path);
    snprintf(old.path, sizeof old.path, "%s", strbuf_text(&path));
    assert_row(&old, "PRAGMA user_version", "6");
    assert_row(&old, "SELECT count(*) FROM cycle", "3");

    /* Another start has nothing to bring anywhere. */
    strbuf_clear(&notice);
    history = history_open(place.path, &notice, &error);
    assert_string_equal(strbuf_text(&notice), "");
    history_close(history);
    unlink(strbuf_text(&path));
    strbuf_free(&path);
    strbuf_free(&notice);
    strbuf_free(&error);
    place_remove(&place);
}

static void a_copy_that_cannot_be_made_keeps_nobody_from_the_new_version(void **unused)
{
    (void)unused;
    struct place place;
    struct strbuf path = { 0 }, notice = { 0 }, error = { 0 };
    place_make(&place);
    make_old(&place);
    beside(&place, ".version-6", &path);
    assert_int_equal(mkdir(strbuf_text(&path), 0700), 0); /* a folder, which no file can replace */
    struct history *history = history_open(place.path, &notice, &error);
    assert_non_null(history);
    assert_non_null(strstr(strbuf_text(&notice), "is not kept: "));
    history_close(history);
    assert_row(&place, "PRAGMA user_version", "7");
    assert_row(&place, "SELECT count(*) FROM cycle", "3");
    assert_int_equal(rmdir(strbuf_text(&path)), 0);
    strbuf_free(&path);
    strbuf_free(&notice);
    strbuf_free(&error);
    place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_old_history_is_copied_and_older_copies_go),
        cmocka_unit_test(a_copy_that_cannot_be_made_keeps_nobody_from_the_new_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
