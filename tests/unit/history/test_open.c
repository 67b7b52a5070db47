/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "history_help.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "reader.h"

static void assert_open_fails(const char *path, const char *why)
{
    struct strbuf notice = { 0 }, error = { 0 };
    assert_null(history_open(path, &notice, &error));
    if (!strstr(strbuf_text(&error), path) || !strstr(strbuf_text(&error), why))
        fail_msg("%s: the error is \"%s\", without \"%s\"", path, strbuf_text(&error), why);
    assert_int_equal(notice.len, 0);
    strbuf_free(&notice);
    strbuf_free(&error);
}

/* Opens what is corrupt; it must be kept under another name, and a new one work. */
static void assert_open_begins_anew(const struct place *place)
{
    struct strbuf notice = { 0 }, error = { 0 };
    struct history *history = history_open(place->path, &notice, &error);
    if (!history)
        fail_msg("%s", strbuf_text(&error));
    assert_non_null(strstr(strbuf_text(&notice), place->path));
    assert_non_null(strstr(notice.at, ".corrupt-2"));
    assert_int_not_equal(place_count(place, ".corrupt-2"), 0);
    history_put_state(history, "key", slice_of("value"));
    must_commit(history);
    assert_row(place, "SELECT value, (SELECT count(*) FROM cycle) FROM state", "value|0");
    history_close(history);
    strbuf_free(&notice);
    strbuf_free(&error);
}

static void fill(const struct place *place, int64_t cycles)
{
    struct history *history = must_open(place);
    struct engine_sink sink = history_sink(history);
    for (int64_t id = 1; id <= cycles; id++) {
        struct cycle cycle = sample_cycle(id);
        sink.cycle(sink.ctx, &cycle);
    }
    history_put_state(history, "engine.windows", slice_of("learnt"));
    must_commit(history);
    history_close(history);
}

static void missing_directories_are_made_for_us_alone(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    char path[192];
    snprintf(path, sizeof path, "%s/a/b/history.db", place.directory);
    struct strbuf notice = { 0 }, error = { 0 };
    struct history *history = history_open(path, &notice, &error);
    assert_non_null(history);
    history_close(history);
    struct stat status;
    snprintf(path, sizeof path, "%s/a/b", place.directory);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    static const char *const inner[] = {
        "a/b/history.db", "a/b/history.db-wal", "a/b/history.db-shm", "a/b/history.db-lock", "a/b", "a"
    };
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++) {
        snprintf(path, sizeof path, "%s/%s", place.directory, inner[i]);
        remove(path);
    }
    place_remove(&place);
}

static void impossible_places_are_refused_with_a_reason(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    assert_open_fails(place.directory, "is a directory");
    assert_open_fails("/dev/null", "is no regular file, so no history");
    change(&place, "CREATE TABLE bookmarks (id)");
    assert_open_fails(place.path, "not one of this agent's");

    place_remove(&place);
}

/* The agent watches all the same: it says why, and gathers in memory. */
static void assert_begins_in_memory(const char *path, const char *why)
{
    struct strbuf notice = { 0 }, error = { 0 };
    struct history *history = history_open(path, &notice, &error);
    assert_non_null(history);
    assert_false(history_on_disk(history));
    if (!strstr(strbuf_text(&notice), why))
        fail_msg("the notice is \"%s\", without \"%s\"", strbuf_text(&notice), why);
    assert_int_equal(error.len, 0);
    history_put_state(history, "key", slice_of("value"));
    assert_int_equal(history_commit(history, &error), HISTORY_FULL);
    assert_non_null(strstr(strbuf_text(&error), why));
    assert_true(history_get_state(history, "key", &notice));
    history_close(history);
    strbuf_free(&notice);
    strbuf_free(&error);
}

static void places_that_may_be_there_later_begin_in_memory(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    char beneath[192];
    change(&place, "CREATE TABLE bookmarks (id)");
    snprintf(beneath, sizeof beneath, "%s/sub/history.db", place.path);
    assert_begins_in_memory(beneath, "Not a directory");
    assert_begins_in_memory("/proc/no", "unable to open database file");
    assert_begins_in_memory("/proc/no/history.db", "/proc/no: cannot make this directory");
    place_remove(&place);
}

static void a_newer_database_is_refused_and_untouched(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    change(&place, "PRAGMA user_version = 8");
    assert_open_fails(place.path, "database version 8 is newer than this agent's 7");
    assert_row(&place, "PRAGMA user_version", "8");
    assert_row(&place, "PRAGMA journal_mode", "delete");
    assert_int_equal(place_count(&place, "corrupt"), 0);
    place_remove(&place);
}

static void a_file_that_is_no_database_is_moved_aside(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    FILE *file = fopen(place.path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        fputs("not a database \xff", file);
    fclose(file);
    assert_open_begins_anew(&place);
    place_remove(&place);
}

/* Somebody named the wrong file, such as the configuration. It stays as it is. */
static void a_text_file_is_refused_and_untouched(void **unused)
{
    /* The third one is cut within a character at the end of what is looked at. */
    static const struct {
        const char *text;
        int times;
    } cases[] = {
        { "[log]\npath = x\n", 1 }, { "x", 1 }, { "Z\xc3\xbcrich: \xe2\x9c\x93\r\n", 5000 }, { "\033[1mtext\t", 600 }
    };
    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct place place;
        struct stat status;
        place_make(&place);
        FILE *file = fopen(place.path, "w");
        assert_non_null(file);
        for (int j = 0; j < cases[i].times; j++)
            fputs(cases[i].text, file);
        fclose(file);
        assert_open_fails(place.path, "is a text file, not a history");
        assert_int_equal(stat(place.path, &status), 0);
        assert_int_equal(status.st_size, strlen(cases[i].text) * (size_t)cases[i].times);
        assert_int_equal(place_count(&place, "corrupt"), 0);
        place_remove(&place);
    }
}

/* The agent goes on where text was written over its history. */
static void a_text_over_a_history_is_moved_aside(void **unused)
{
    struct place place;
    (void)unused;
    place_make(&place);
    fill(&place, 10);
    FILE *file = fopen(place.path, "w");
    assert_non_null(file);
    fputs("oops\n", file);
    fclose(file);
    assert_open_begins_anew(&place);
    place_remove(&place);
}

static void a_cut_database_is_moved_aside(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    fill(&place, 3000);
    assert_int_equal(truncate(place.path, 40960), 0);
    assert_open_begins_anew(&place);
    place_remove(&place);
}

static void a_scribbled_page_of_a_small_database_is_found_at_once(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    fill(&place, 3000);
    char *page = look_with(&place, NULL,
                           "SELECT pageno FROM dbstat WHERE name = 'cycle' AND pagetype = 'leaf' LIMIT 1 OFFSET 3");
    int fd = open(place.path, O_WRONLY);
    char noise[64];
    memset(noise, 0x5a, sizeof noise);
    assert_int_equal(pwrite(fd, noise, sizeof noise, (atol(page) - 1) * 4096), sizeof noise);
    close(fd);
    free(page);
    assert_open_begins_anew(&place);
    place_remove(&place);
}

/* In a large one it shows when somebody comes across it; then the same commit goes into a new database, with all that we know. */
static void corruption_found_by_a_commit_begins_anew(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    fill(&place, 60000);
    char *page = look_with(&place, NULL,
                           "SELECT pageno FROM dbstat WHERE name = 'cycle' AND pagetype = 'leaf' LIMIT 1 OFFSET 9");
    int fd = open(place.path, O_WRONLY);
    char noise[4096];
    memset(noise, 0x5a, sizeof noise);
    assert_int_equal(pwrite(fd, noise, sizeof noise, (atol(page) - 1) * 4096), sizeof noise);
    close(fd);
    free(page);

    struct history *history = must_open(&place);
    struct engine_sink sink = history_sink(history);
    struct strbuf value = { 0 }, error = { 0 };
    struct source_position position = { 1, 2, 3, 4, 5, 6, 7 };
    assert_true(history_get_state(history, "engine.windows", &value));
    history_put_sources(history, &position, 1);
    gather_message(history, 1, 1);
    must_commit(history);
    for (int64_t id = 1; id <= 60000; id++) {
        struct cycle cycle = sample_cycle(id);
        sink.cycle(sink.ctx, &cycle);
    }
    assert_int_equal(gather_message(history, 1, 2), 3);
    assert_int_equal(history_commit(history, &error), HISTORY_OK);
    assert_non_null(strstr(strbuf_text(&error), ".corrupt-2"));
    assert_false(history_dirty(history));
    assert_row(&place,
               "SELECT (SELECT count(*) FROM cycle), (SELECT value FROM state), (SELECT offset FROM source),"
               " (SELECT group_concat(id) FROM outbox)",
               "60000|learnt|3|3,4");
    history_put_state(history, "key", slice_of("on"));
    must_commit(history);
    history_close(history);
    strbuf_free(&value);
    strbuf_free(&error);
    place_remove(&place);
}

static void a_database_taken_away_is_begun_anew(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    history_put_state(history, "engine.live", slice_of("1"));
    must_commit(history);
    assert_int_equal(unlink(place.path), 0);
    struct strbuf error = { 0 };
    history_put_state(history, "parser", slice_of("2"));
    assert_int_equal(history_commit(history, &error), HISTORY_OK);
    assert_non_null(strstr(strbuf_text(&error), "removed or replaced"));
    assert_row(&place, "SELECT group_concat(key || value) FROM state", "engine.live1,parser2");
    history_close(history);
    strbuf_free(&error);
    place_remove(&place);
}

/* The notice is owed for as long as no new one can be begun: whoever is told of it has more to tell the new one. */
static void a_database_taken_away_is_told_when_a_new_one_is_begun(void **unused)
{
    (void)unused;
    struct place place;
    struct strbuf error = { 0 };
    place_make(&place);
    struct history *history = must_open(&place);
    history_put_state(history, "parser", slice_of("1"));
    must_commit(history);
    assert_int_equal(unlink(place.path), 0);
    assert_int_equal(mkdir(place.path, 0700), 0);
    history_put_state(history, "parser", slice_of("2"));
    assert_int_not_equal(history_commit(history, &error), HISTORY_OK);
    assert_int_equal(rmdir(place.path), 0);
    strbuf_clear(&error);
    assert_int_equal(history_commit(history, &error), HISTORY_OK);
    assert_non_null(strstr(strbuf_text(&error), "removed or replaced"));
    history_put_state(history, "parser", slice_of("3"));
    must_commit(history);
    history_close(history);
    strbuf_free(&error);
    place_remove(&place);
}

/* What a power loss may leave: said once, since a history was lost; a new database is no news. */
static void an_emptied_database_is_told_once(void **unused)
{
    (void)unused;
    struct place place;
    struct strbuf notice = { 0 }, error = { 0 };
    place_make(&place);
    fill(&place, 100);
    assert_int_equal(truncate(place.path, 0), 0);
    struct history *history = history_open(place.path, &notice, &error);
    assert_non_null(history);
    assert_non_null(strstr(strbuf_text(&notice), "the history is empty"));
    history_put_state(history, "key", slice_of("value"));
    must_commit(history);
    assert_row(&place, "SELECT value, (SELECT count(*) FROM cycle) FROM state", "value|0");
    history_close(history);
    history_close(must_open(&place));
    strbuf_free(&notice);
    strbuf_free(&error);
    place_remove(&place);
}

static void assert_reader_fails(const char *path, const char *why)
{
    struct strbuf error = { 0 };
    assert_null(reader_open(path, &error));
    if (!strstr(strbuf_text(&error), why))
        fail_msg("the error is \"%s\", without \"%s\"", strbuf_text(&error), why);
    strbuf_clear(&error);
    assert_null(editor_open(path, &error));
    assert_non_null(strstr(strbuf_text(&error), why));
    strbuf_free(&error);
}

static void readers_look_and_editors_write_but_none_creates(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    assert_reader_fails(place.path, "no history here yet");
    assert_int_equal(place_count(&place, "history"), 0);
    struct history *history = must_open(&place);
    struct strbuf error = { 0 };
    sqlite3 *reader = reader_open(place.path, &error), *editor = editor_open(place.path, &error);
    assert_non_null(reader);
    assert_non_null(editor);
    static const char insert[] = "INSERT INTO silence (starts_at, ends_at) VALUES (1, 9)";
    assert_int_equal(sqlite3_exec(reader, insert, NULL, NULL, NULL), SQLITE_READONLY);
    assert_int_equal(sqlite3_exec(editor, insert, NULL, NULL, NULL), SQLITE_OK);
    assert_int_not_equal(silence_end(history, 5), 0);
    sqlite3_close(reader);
    sqlite3_close(editor);
    history_close(history);
    change(&place, "PRAGMA user_version = 8");
    assert_reader_fails(place.path, "database version 8 is newer than this agent's 7");
    change(&place, "PRAGMA user_version = 4");
    assert_reader_fails(place.path, "database version 4 is older than this agent's 7: `agent run` migrates it");
    change(&place, "PRAGMA user_version = 0"); /* `agent run` does not take such a database for its own either */
    assert_reader_fails(place.path, "the database is not one of this agent's");
    place_remove(&place);
}

/* The lock that a connection in WAL mode keeps on the file (SQLite's os.h: SHARED_FIRST), as another process sees it. */
static bool is_locked(const char *path)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        int fd = open(path, O_RDWR | O_CLOEXEC);
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0x40000002, .l_len = 510 };
        _exit(fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status == 0;
}

/* The agent reads its own history while it writes it. No file that is closed may take the writer's locks with it. */
static void a_reader_in_the_same_process_leaves_the_locks(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    struct strbuf error = { 0 };
    assert_true(is_locked(place.path));
    sqlite3 *reader = reader_open(place.path, &error);
    assert_non_null(reader);
    sqlite3_close(reader);
    assert_true(is_locked(place.path));
    history_close(history);
    strbuf_free(&error);
    place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_directories_are_made_for_us_alone),
        cmocka_unit_test(impossible_places_are_refused_with_a_reason),
        cmocka_unit_test(places_that_may_be_there_later_begin_in_memory),
        cmocka_unit_test(a_newer_database_is_refused_and_untouched),
        cmocka_unit_test(a_file_that_is_no_database_is_moved_aside),
        cmocka_unit_test(a_text_file_is_refused_and_untouched),
        cmocka_unit_test(a_text_over_a_history_is_moved_aside),
        cmocka_unit_test(a_cut_database_is_moved_aside),
        cmocka_unit_test(a_scribbled_page_of_a_small_database_is_found_at_once),
        cmocka_unit_test(corruption_found_by_a_commit_begins_anew),
        cmocka_unit_test(a_database_taken_away_is_begun_anew),
        cmocka_unit_test(a_database_taken_away_is_told_when_a_new_one_is_begun),
        cmocka_unit_test(an_emptied_database_is_told_once),
        cmocka_unit_test(readers_look_and_editors_write_but_none_creates),
        cmocka_unit_test(a_reader_in_the_same_process_leaves_the_locks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
