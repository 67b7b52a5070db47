/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <time.h>

#include "fault_vfs.h"
#include "history_help.h"

/* A checkpoint's syncs, in its order. */
enum { SYNC_WAL = 1, SYNC_DATABASE, SYNC_NEW_WAL };

enum { ENOUGH = 12000 }; /* cycles, whose pages call for a checkpoint */

static void begin(struct place *place, struct history **history)
{
    place_make(place);
    *history = must_open(place);
    gather_cycles(*history, 1, ENOUGH);
    must_commit(*history);
}

static void end(struct place *place, struct history *history)
{
    history_close(history);
    place_remove(place);
}

static void slow_sync_wait(void)
{
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += 20;
    int reached = sem_timedwait(&slow_sync.reached, &limit);
    atomic_store(&slow_sync.countdown, 0); /* if it was not: no later test may meet it, and hang */
    assert_int_equal(reached, 0);
}

/* A checkpoint that stands at this sync, and rows behind it that want to be committed. */
static void begin_at_sync(struct place *place, struct history **history, int sync)
{
    begin(place, history);
    slow_sync_at(sync);
    history_checkpoint(*history);
    slow_sync_wait();
    gather_cycles(*history, ENOUGH + 1, 10);
}

static void a_commit_does_not_wait_for_the_disk(void **unused)
{
    (void)unused;
    for (int sync = SYNC_WAL; sync <= SYNC_DATABASE; sync++) {
        struct place place;
        struct history *history;
        begin_at_sync(&place, &history, sync);
        must_commit(history);
        assert_row(&place, "SELECT count(*) FROM cycle", "12010");
        assert_true(history_is_checkpointing(history));
        sem_post(&slow_sync.let_go);
        history_wait_checkpoint(history);
        assert_false(history_is_checkpointing(history));
        assert_row(&place, "SELECT count(*), (SELECT quick_check FROM pragma_quick_check) FROM cycle", "12010|ok");
        end(&place, history);
    }
}

/* The one moment in which the thread holds the lock: told apart from a stranger's, and over soon. */
static void a_commit_that_meets_the_new_wal_is_possible_later(void **unused)
{
    (void)unused;
    struct place place;
    struct history *history;
    struct strbuf error = { 0 };
    begin_at_sync(&place, &history, SYNC_NEW_WAL);
    assert_int_equal(history_commit(history, &error), HISTORY_BUSY);
    assert_true(history_is_checkpointing(history));
    sem_post(&slow_sync.let_go);
    history_wait_checkpoint(history);
    must_commit(history);
    assert_row(&place, "SELECT count(*) FROM cycle", "12010");
    end(&place, history);
    strbuf_free(&error);
}

static void the_wal_begins_anew(void **unused)
{
    (void)unused;
    struct place place;
    struct history *history;
    begin(&place, &history);
    assert_int_equal(tend(history), 0);
    assert_row(&place, "SELECT value FROM state WHERE key = 'checkpoints'", "1");
    int64_t full_bytes = file_bytes(&place, "-wal");
    assert_true(full_bytes > 0);
    gather_cycles(history, ENOUGH + 1, ENOUGH / 2);
    must_commit(history);
    assert_int_equal(file_bytes(&place, "-wal"), full_bytes);
    end(&place, history);
}

/* Nothing calls history_checkpoint here: a commit pays for the checkpoint. */
static void a_history_that_nobody_tends_looks_after_itself(void **unused)
{
    (void)unused;
    struct place place;
    struct history *history;
    begin(&place, &history);
    gather_cycles(history, ENOUGH + 1, 3 * ENOUGH);
    must_commit(history);
    assert_row(&place, "SELECT value FROM state WHERE key = 'checkpoints'", "1");
    end(&place, history);
}

/* But not at once, nor with each commit: the disk has enough to bear. */
static void a_checkpoint_that_fails_is_tried_again(void **unused)
{
    (void)unused;
    struct place place;
    struct history *history;
    begin(&place, &history);
    fault_arm(FAULT_IO, FAULT_LASTING, 1);
    assert_true(tend(history) > 0); /* nothing was moved, and that is known */
    history_checkpoint(history);
    assert_false(history_is_checkpointing(history));
    fault_disarm();
    assert_row(&place, "SELECT count(*) FROM state WHERE key = 'checkpoints'", "0");
    gather_cycles(history, ENOUGH + 1, ENOUGH);
    must_commit(history);
    assert_int_equal(tend(history), 0);
    assert_row(&place, "SELECT value FROM state WHERE key = 'checkpoints'", "1");
    end(&place, history);
}

/* The history moved away under the thread: nothing is made in its place. */
static void a_history_that_is_gone_is_not_made_again(void **unused)
{
    (void)unused;
    struct place place;
    struct history *history;
    begin(&place, &history);
    assert_int_equal(unlink(place.path), 0);
    tend(history);
    assert_int_equal(access(place.path, F_OK), -1);
    end(&place, history);
}

int main(void)
{
    fault_register();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_commit_does_not_wait_for_the_disk),
        cmocka_unit_test(a_commit_that_meets_the_new_wal_is_possible_later),
        cmocka_unit_test(the_wal_begins_anew),
        cmocka_unit_test(a_history_that_nobody_tends_looks_after_itself),
        cmocka_unit_test(a_checkpoint_that_fails_is_tried_again),
        cmocka_unit_test(a_history_that_is_gone_is_not_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
