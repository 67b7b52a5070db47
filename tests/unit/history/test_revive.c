/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A database is moved aside, and the agent dies between two of the renames. The next start must not find an old WAL beside a new database. */
#include "history_help.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "agent/history/history_private.h"

/* The process dies instead of the n-th rename from now; 0: never. */
static int renames_left;

/* Takes the place of the C library's function, also for the code under test. */
int rename(const char *from, const char *to)
{
    if (renames_left > 0 && --renames_left == 0)
        raise(SIGKILL);
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

static void copy_file(const struct place *from, const struct place *to, const char *suffix)
{
    char command[512];
    snprintf(command, sizeof command, "cp %s%s %s%s", from->path, suffix, to->path, suffix);
    assert_int_equal(system(command), 0);
}

/* A database as an agent leaves it that was killed: 50 cycles, all of them in its WAL. */
static void leave_database(struct place *place)
{
    struct place live;
    place_make(&live);
    place_make(place);
    struct history *history = must_open(&live);
    gather_cycles(history, 1, 50);
    must_commit(history);
    copy_file(&live, place, "");
    copy_file(&live, place, "-wal");
    copy_file(&live, place, "-shm");
    history_close(history);
    place_remove(&live);
    assert_true(file_bytes(place, "-wal") > 0);
}

/* The bytes of the file there whose name ends so. */
static int64_t place_bytes(const struct place *place, const char *suffix)
{
    int64_t bytes = 0;
    DIR *directory = opendir(place->directory);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));) {
        struct stat status;
        size_t len = strlen(entry->d_name), suffix_len = strlen(suffix);
        if (len > suffix_len && strcmp(entry->d_name + len - suffix_len, suffix) == 0 &&
            fstatat(dirfd(directory), entry->d_name, &status, 0) == 0)
            bytes += status.st_size;
    }
    closedir(directory);
    return bytes;
}

/* Returns false when the process outlived the move. */
static bool move_aside_and_die(const struct place *place, int nth)
{
    pid_t child = fork();
    assert_int_not_equal(child, -1);
    if (child == 0) {
        struct history history = { .path = (char *)place->path };
        struct strbuf notice = { 0 }, error = { 0 };
        renames_left = nth;
        _exit(history_move_aside(&history, "for a test", &notice, &error) == SQLITE_OK ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

static void a_database_never_leaves_its_wal_behind(void **unused)
{
    (void)unused;
    bool died = true;
    for (int nth = 1; died; nth++) {
        struct place place;
        leave_database(&place);
        int64_t wal_bytes = file_bytes(&place, "-wal");
        died = move_aside_and_die(&place, nth);
        bool moved = access(place.path, F_OK) != 0;
        assert_true(moved || died);
        if (moved)
            assert_int_equal(file_bytes(&place, "-wal"), 0);
        assert_int_equal(place_bytes(&place, "-wal"), wal_bytes);
        struct history *history = must_open(&place);
        gather_cycles(history, 1, 1);
        must_commit(history);
        assert_row(&place, "SELECT quick_check FROM pragma_quick_check", "ok");
        if (moved)
            assert_row(&place, "SELECT count(*) FROM cycle", "1");
        history_close(history);
        place_remove(&place);
        assert_in_range(nth, 1, 10);
    }
}

static void all_files_are_kept_under_one_name(void **unused)
{
    (void)unused;
    struct place place;
    leave_database(&place);
    assert_false(move_aside_and_die(&place, 0));
    assert_int_equal(place_count(&place, "history.db.corrupt-2"), 3);
    static const char *const suffixes[] = { "", "-wal", "-shm" };
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char name[192];
        snprintf(name, sizeof name, "%s%s", place.path, suffixes[i]);
        assert_int_not_equal(access(name, F_OK), 0);
    }
    place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_database_never_leaves_its_wal_behind),
        cmocka_unit_test(all_files_are_kept_under_one_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
