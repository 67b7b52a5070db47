/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/follow/inotify.h"
#include "base/strbuf.h"

struct place {
    char directory[32];
    char log[48];
    char other[48];
};

static void write_to(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static int place_setup(void **state)
{
    struct place *place = must_alloc(sizeof *place);
    strcpy(place->directory, "/tmp/inotify-XXXXXX");
    *state = place;
    if (!mkdtemp(place->directory))
        return -1;
    snprintf(place->log, sizeof place->log, "%s/log", place->directory);
    snprintf(place->other, sizeof place->other, "%s/log.1", place->directory);
    return inotify_open();
}

static int place_teardown(void **state)
{
    struct place *place = *state;
    inotify_close();
    unlink(place->log);
    unlink(place->other);
    rmdir(place->directory);
    free(place);
    return 0;
}

/* The next event that has one of these bits, is of this file (-1: the directory), and has this name (NULL: any or none). */
static void expect_event(uint32_t mask, int fd, const char *name)
{
    for (;;) {
        struct inotify_notice event;
        assert_int_equal(inotify_next(2, &event), INOTIFY_EVENT);
        if (event.mask & mask && event.fd == fd && (!name || (event.name && strcmp(event.name, name) == 0)))
            return;
    }
}

/* Everything that is left, at least a second long; fails on an event with one of these bits of this file. */
static void expect_no_event(uint32_t mask, int fd)
{
    struct inotify_notice event;
    enum inotify_outcome outcome;
    while ((outcome = inotify_next(1, &event)) == INOTIFY_EVENT)
        assert_false(event.mask & mask && event.fd == fd);
    assert_int_equal(outcome, INOTIFY_TIMEOUT);
}

static void a_directory_tells_what_comes_and_goes(void **state)
{
    struct place *place = *state;
    assert_int_equal(inotify_watch_directory(place->directory), 0);
    write_to(place->log, "a");
    expect_event(IN_CREATE, -1, "log");
    assert_int_equal(rename(place->log, place->other), 0);
    expect_event(IN_MOVED_FROM, -1, "log");
    expect_event(IN_MOVED_TO, -1, "log.1");
    unlink(place->other);
    expect_event(IN_DELETE, -1, "log.1");
    rmdir(place->directory);
    expect_event(IN_DELETE_SELF, -1, NULL);
}

static void a_file_is_watched_by_its_descriptor_and_not_by_its_name(void **state)
{
    struct place *place = *state;
    write_to(place->log, "a");
    int old = open(place->log, O_RDONLY);
    assert_int_equal(inotify_watch_file(old), 0);
    assert_int_equal(rename(place->log, place->other), 0);
    expect_event(IN_MOVE_SELF, old, NULL);
    write_to(place->log, "another file\n");
    write_to(place->other, "b");
    expect_event(IN_MODIFY, old, NULL);
    expect_event(IN_CLOSE_WRITE, old, NULL);
    expect_no_event(IN_MODIFY | IN_CLOSE_WRITE, old); /* the other file's are not told */
    close(old);
}

static void each_of_many_events_is_told_of_its_file(void **state)
{
    struct place *place = *state;
    write_to(place->log, "a");
    write_to(place->other, "a");
    int one = open(place->log, O_RDONLY), two = open(place->other, O_RDONLY);
    assert_int_equal(inotify_watch_directory(place->directory), 0);
    assert_int_equal(inotify_watch_file(one), 0);
    assert_int_equal(inotify_watch_file(two), 0);
    for (int i = 0; i < 1000;
         i++) /* more than one read of the kernel's queue; the kernel joins equal neighbours only */
        write_to(i % 2 ? place->other : place->log, "b");
    for (int i = 0; i < 1000; i++)
        expect_event(IN_MODIFY, i % 2 ? two : one, NULL);
    close(one);
    close(two);
}

static void a_file_that_is_unwatched_is_silent_and_the_others_are_not(void **state)
{
    struct place *place = *state;
    write_to(place->log, "a");
    write_to(place->other, "a");
    int one = open(place->log, O_RDONLY), two = open(place->other, O_RDONLY);
    assert_int_equal(inotify_watch_file(one), 0);
    assert_int_equal(inotify_watch_file(two), 0);
    inotify_unwatch_file(one);
    inotify_unwatch_file(one);
    write_to(place->log, "b");
    write_to(place->other, "b");
    expect_event(IN_MODIFY, two, NULL);
    expect_no_event(IN_MODIFY, one);
    close(one);
    close(two);
}

static void what_cannot_be_watched_is_said(void **state)
{
    struct place *place = *state;
    assert_int_equal(inotify_watch_directory(place->log), ENOENT);
    write_to(place->log, "a");
    assert_int_equal(inotify_watch_directory(place->log), ENOTDIR);
    assert_int_equal(inotify_watch_file(12345), ENOENT);
}

static void a_closed_one_forgets_its_watches(void **state)
{
    struct place *place = *state;
    write_to(place->log, "a");
    int fd = open(place->log, O_RDONLY);
    assert_int_equal(inotify_watch_file(fd), 0);
    inotify_close();
    assert_int_equal(inotify_open(), 0);
    write_to(place->log, "b");
    expect_no_event(IN_MODIFY, fd);
    assert_int_equal(inotify_watch_file(fd), 0);
    write_to(place->log, "c");
    expect_event(IN_MODIFY, fd, NULL);
    close(fd);
}

static void on_signal(int number)
{
    (void)number;
}

static void *signal_until_told(void *thread)
{
    pthread_t *waiting = thread;
    for (;;) {
        pthread_testcancel();
        pthread_kill(*waiting, SIGUSR1);
        usleep(1000);
    }
    return NULL;
}

static void a_signal_ends_the_wait_even_where_calls_are_restarted(void **state)
{
    (void)state;
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    pthread_t self = pthread_self(), sender;
    struct inotify_notice event;
    sigemptyset(&action.sa_mask);
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
    assert_int_equal(pthread_create(&sender, NULL, signal_until_told, &self), 0);
    enum inotify_outcome outcome;
    while ((outcome = inotify_next(-1, &event)) == INOTIFY_EVENT) /* libinotifytools kept it of an earlier instance */
        continue;
    assert_int_equal(outcome, INOTIFY_INTERRUPTED);
    pthread_cancel(sender);
    pthread_join(sender, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_directory_tells_what_comes_and_goes, place_setup, place_teardown),
        cmocka_unit_test_setup_teardown(a_file_is_watched_by_its_descriptor_and_not_by_its_name, place_setup,
                                        place_teardown),
        cmocka_unit_test_setup_teardown(each_of_many_events_is_told_of_its_file, place_setup, place_teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_unwatched_is_silent_and_the_others_are_not, place_setup,
                                        place_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_watched_is_said, place_setup, place_teardown),
        cmocka_unit_test_setup_teardown(a_closed_one_forgets_its_watches, place_setup, place_teardown),
        cmocka_unit_test_setup_teardown(a_signal_ends_the_wait_even_where_calls_are_restarted, place_setup,
                                        place_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
