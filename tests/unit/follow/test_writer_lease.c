/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/follow/writer_lease.h"

struct log {
    char path[32];
    int reader;
};

static int setup(void **state)
{
    static struct log log;
    strcpy(log.path, "/tmp/writer-XXXXXX");
    int fd = mkstemp(log.path);
    close(fd);
    log.reader = open(log.path, O_RDONLY | O_CLOEXEC);
    writer_lease_prepare();
    *state = &log;
    return log.reader >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
    struct log *log = *state;
    close(log->reader);
    return unlink(log->path);
}

static void nobody(void **state)
{
    struct log *log = *state;
    assert_int_equal(writer_lease_ask(log->reader), WRITER_ABSENT);
}

static void the_last_of_two_descriptors(void **state)
{
    struct log *log = *state;
    int first = open(log->path, O_WRONLY | O_APPEND), second = open(log->path, O_RDWR);
    assert_int_equal(writer_lease_ask(log->reader), WRITER_PRESENT);
    close(first);
    assert_int_equal(writer_lease_ask(log->reader), WRITER_PRESENT);
    close(second);
    assert_int_equal(writer_lease_ask(log->reader), WRITER_ABSENT);
}

static void a_second_reader_is_no_writer(void **state)
{
    struct log *log = *state;
    int other = open(log->path, O_RDONLY);
    assert_int_equal(writer_lease_ask(log->reader), WRITER_ABSENT);
    close(other);
}

static void a_child_that_inherited_it(void **state)
{
    struct log *log = *state;
    int writer = open(log->path, O_WRONLY);
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    close(writer);
    assert_int_equal(writer_lease_ask(log->reader), WRITER_PRESENT);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(writer_lease_ask(log->reader), WRITER_ABSENT);
}

static void an_unlinked_file(void **state)
{
    struct log *log = *state;
    int writer = open(log->path, O_WRONLY);
    unlink(log->path);
    assert_int_equal(writer_lease_ask(log->reader), WRITER_PRESENT);
    close(writer);
    assert_int_equal(writer_lease_ask(log->reader), WRITER_ABSENT);
    close(open(log->path, O_WRONLY | O_CREAT, 0600));
}

static void what_has_no_leases_gives_no_answer(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(writer_lease_ask(ends[0]), WRITER_UNKNOWN);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(writer_lease_ask(-1), WRITER_UNKNOWN);
}

struct opener {
    const char *path;
    atomic_bool stop;
    atomic_int opened;
};

static void *open_often(void *ctx)
{
    struct opener *opener = ctx;
    while (!atomic_load(&opener->stop)) {
        close(open(opener->path, O_WRONLY | O_APPEND));
        atomic_fetch_add(&opener->opened, 1);
    }
    return NULL;
}

/*
 * Opening for writing while the lease is held sends SIGIO, which would end this process, and waits until it is back. On a busy machine it may
 * take long until the other thread runs.
 */
static void asking_neither_kills_us_nor_holds_writers_up(void **state)
{
    struct log *log = *state;
    struct opener opener = { .path = log->path };
    pthread_t thread;
    int absent = 0, present = 0;

    assert_int_equal(pthread_create(&thread, NULL, open_often, &opener), 0);
    for (int i = 0; i < 50000 || absent == 0 || present == 0 || atomic_load(&opener.opened) <= 100; i++) {
        enum follow_writer answer = writer_lease_ask(log->reader);
        assert_int_not_equal(answer, WRITER_UNKNOWN);
        absent += answer == WRITER_ABSENT;
        present += answer == WRITER_PRESENT;
    }
    atomic_store(&opener.stop, true);
    pthread_join(thread, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_of_two_descriptors, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_reader_is_no_writer, setup, teardown),
        cmocka_unit_test_setup_teardown(a_child_that_inherited_it, setup, teardown),
        cmocka_unit_test_setup_teardown(an_unlinked_file, setup, teardown),
        cmocka_unit_test_setup_teardown(what_has_no_leases_gives_no_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(asking_neither_kills_us_nor_holds_writers_up, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
