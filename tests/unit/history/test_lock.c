/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "history_help.h"

#include <signal.h>
#include <sys/wait.h>

#include "reader.h"

static void assert_refused(const struct place *place, pid_t holder)
{
    struct strbuf notice = { 0 }, error = { 0 };
    char who[32];
    snprintf(who, sizeof who, "(pid %ld)", (long)holder);
    assert_null(history_open(place->path, &notice, &error));
    if (!strstr(strbuf_text(&error), who) || !strstr(error.at, place->path))
        fail_msg("the error is \"%s\"", strbuf_text(&error));
    assert_int_equal(notice.len, 0);
    strbuf_free(&error);
}

static void the_second_is_refused_until_the_first_is_gone(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *first = must_open(&place);
    assert_refused(&place, getpid());
    assert_refused(&place, getpid());
    history_put_state(first, "key", slice_of("value"));
    must_commit(first);
    history_close(first);
    history_close(must_open(&place));
    place_remove(&place);
}

static void a_killed_holder_leaves_no_lock(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    int said[2];
    char byte = 0;
    assert_int_equal(pipe(said), 0);
    pid_t child = fork();
    if (child == 0) {
        struct strbuf notice = { 0 }, error = { 0 };
        bool opened = history_open(place.path, &notice, &error) != NULL;
        if (!opened || write(said[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(said[0], &byte, 1), 1);
    assert_refused(&place, child);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    history_close(must_open(&place));
    close(said[0]);
    close(said[1]);
    place_remove(&place);
}

static void readers_and_editors_are_not_concerned(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    struct strbuf error = { 0 };
    sqlite3 *reader = reader_open(place.path, &error), *editor = editor_open(place.path, &error);
    assert_non_null(reader);
    assert_non_null(editor);
    sqlite3_close(reader);
    sqlite3_close(editor);
    history_close(history);
    place_remove(&place);
}

/* What cannot be locked is no reason not to watch: it is said, and the history works. */
static void a_lock_that_cannot_be_had_is_said_only(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    char lock[192];
    snprintf(lock, sizeof lock, "%s-lock", place.path);
    assert_int_equal(symlink("elsewhere", lock), 0);
    struct strbuf notice = { 0 }, error = { 0 };
    struct history *history = history_open(place.path, &notice, &error);
    assert_non_null(history);
    assert_non_null(strstr(strbuf_text(&notice), "cannot be locked"));
    history_put_state(history, "key", slice_of("value"));
    must_commit(history);
    history_close(history);
    strbuf_free(&notice);
    place_remove(&place);
}

/* The database and its lock are removed, another agent begins there: the first one may not come back in between. */
static void who_lost_the_lock_file_does_not_write_into_anothers_history(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    char lock[192];
    snprintf(lock, sizeof lock, "%s-lock", place.path);
    struct history *first = must_open(&place);
    assert_int_equal(unlink(place.path), 0);
    assert_int_equal(unlink(lock), 0);
    struct history *second = must_open(&place);
    struct strbuf error = { 0 };
    history_put_state(first, "key", slice_of("first"));
    assert_int_equal(history_commit(first, &error), HISTORY_BUSY);
    assert_non_null(strstr(strbuf_text(&error), "another agent"));
    history_put_state(second, "key", slice_of("second"));
    must_commit(second);
    history_close(second);
    strbuf_clear(&error);
    assert_int_equal(history_commit(first, &error), HISTORY_OK);
    assert_row(&place, "SELECT value FROM state", "first");
    history_close(first);
    strbuf_free(&error);
    place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_is_refused_until_the_first_is_gone),
        cmocka_unit_test(a_killed_holder_leaves_no_lock),
        cmocka_unit_test(readers_and_editors_are_not_concerned),
        cmocka_unit_test(a_lock_that_cannot_be_had_is_said_only),
        cmocka_unit_test(who_lost_the_lock_file_does_not_write_into_anothers_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
