/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "follow_help.h"

#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/follow/listing.h"
#include "base/budgets.h"

/* What a look through the log's directory opens, what it costs, and where it stops. */

/*
 * The clock of the listing. The linker gives the agent's calls to this one, so that a test can make each of them take long; otherwise
 * it stands still, so that no busy machine can.
 */
static int64_t step_us, fake_us;

int64_t __wrap_clock_running_us(void);
int64_t __wrap_clock_running_us(void)
{
    return fake_us += step_us;
}

static int setup_listing(void **state)
{
    step_us = 0;
    return setup(state);
}

static void name_beside(const struct fixture *fixture, const char *suffix, char name[static 96])
{
    snprintf(name, 96, "%s.%s", fixture->path, suffix);
}

static void add_beside(const struct fixture *fixture, const char *suffix, const char *text)
{
    char name[96];
    name_beside(fixture, suffix, name);
    add(name, text);
}

static void add_numbered(const struct fixture *fixture, int from, int to)
{
    for (int i = from; i <= to; i++) {
        char suffix[16];
        snprintf(suffix, sizeof suffix, "%d", i);
        add_beside(fixture, suffix, "old\n");
    }
}

static struct listing *begin_listing(const struct fixture *fixture)
{
    return listing_begin(fixture->directory, "log", geteuid());
}

static struct siblings list_all(const struct fixture *fixture)
{
    struct listing *listing = begin_listing(fixture);
    while (!listing_go_on(listing))
        continue;
    struct siblings siblings = listing_take(listing);
    listing_free(listing);
    return siblings;
}

static size_t count_siblings(const struct fixture *fixture)
{
    struct siblings siblings = list_all(fixture);
    size_t count = siblings.count;
    siblings_free(&siblings);
    return count;
}

static int count_looks(const struct fixture *fixture)
{
    struct listing *listing = begin_listing(fixture);
    int looks = 1;
    while (!listing_go_on(listing))
        looks++;
    listing_free(listing);
    return looks;
}

static void at_most_so_many_are_opened(void **state)
{
    struct fixture *fixture = *state;
    enum { MOST = 256 };
    add_numbered(fixture, 1, MOST);
    assert_int_equal(count_siblings(fixture), MOST);
    add_numbered(fixture, MOST + 1, MOST + 1);
    assert_int_equal(count_siblings(fixture), MOST);
}

/* Old generations may be many: those that were written to last are the ones that may hold something new. */
static void those_that_were_written_to_last_are_opened(void **state)
{
    struct fixture *fixture = *state;
    struct timespec old[2] = { { 1000000000, 0 }, { 1000000000, 0 } };
    bool found = false;
    add_numbered(fixture, 2, 600);
    for (int i = 2; i <= 600; i++) {
        char name[96];
        snprintf(name, sizeof name, "%s.%d", fixture->path, i);
        old[0].tv_sec = old[1].tv_sec = 1000000000 - i;
        assert_int_equal(utimensat(AT_FDCWD, name, old, 0), 0);
    }
    add_beside(fixture, "1", "new\n");
    struct siblings siblings = list_all(fixture);
    assert_int_equal(siblings.count, SIBLINGS_MAX);
    for (size_t i = 0; i < siblings.count; i++) {
        found |= strcmp(siblings.at[i].name, "1") == 0;
        assert_in_range(strtol(siblings.at[i].name, NULL, 10), 1, SIBLINGS_MAX);
    }
    assert_true(found);
    siblings_free(&siblings);
}

static void a_look_takes_so_many_entries(void **state)
{
    struct fixture *fixture = *state;
    enum { MOST = 512 };
    char name[96];
    for (int i = 1; i < MOST; i++) {
        snprintf(name, sizeof name, "%s.%d.xz", fixture->path, i); /* which is not opened, but looked at */
        add(name, "");
    }
    assert_int_equal(count_looks(fixture), 1);
    snprintf(name, sizeof name, "%s.%d.xz", fixture->path, MOST);
    add(name, "");
    assert_int_equal(count_looks(fixture), 2);
}

/* A clock call is made for each entry, "." and ".." among them, so five steps of 10 ms are one look. */
static void a_look_takes_so_many_milliseconds(void **state)
{
    struct fixture *fixture = *state;
    add_numbered(fixture, 1, 3);
    int quick = count_looks(fixture);
    step_us = SIBLINGS_LOOK_MAX_MS * 1000 / 5;
    assert_int_equal(quick, 1);
    assert_in_range(count_looks(fixture), 2, 5);
}

static void a_crowd_ends_the_listing_after_its_time(void **state)
{
    struct fixture *fixture = *state;
    add_numbered(fixture, 1, 200);
    step_us = 4000;
    struct siblings siblings = list_all(fixture);
    assert_false(siblings.crowded);
    assert_int_equal(siblings.count, 200);
    siblings_free(&siblings);
    step_us = 6000;
    siblings = list_all(fixture);
    assert_true(siblings.crowded);
    assert_in_range(siblings.count, 100, 199);
    siblings_free(&siblings);
}

static void in_a_crowd_the_usual_names_are_found_all_the_same(void **state)
{
    struct fixture *fixture = *state;
    int found = 0;
    add_numbered(fixture, 1, 200);
    step_us = 20 * 1000;
    struct siblings siblings = list_all(fixture);
    assert_true(siblings.crowded);
    assert_in_range(siblings.count, 10, 100);
    for (size_t i = 0; i < siblings.count; i++)
        found += strlen(siblings.at[i].name) == 1;
    assert_int_equal(found, 9);
    siblings_free(&siblings);
}

/* Files of the log's owner that no rotation made, and others that are none: nobody opens them, not even for a moment. */
static void what_is_no_regular_file_is_never_opened(void **state)
{
    struct fixture *fixture = *state;
    char name[96], events[4096];
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    name_beside(fixture, "1", name);
    assert_int_equal(mkfifo(name, 0666), 0);
    name_beside(fixture, "2", name);
    assert_int_equal(mkdir(name, 0777), 0);
    name_beside(fixture, "3", name);
    assert_int_equal(symlink("/etc/passwd", name), 0);
    name_beside(fixture, "4", name);
    assert_int_equal(symlink(fixture->directory, name), 0);
    name_beside(fixture, "5", address.sun_path);
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server, (struct sockaddr *)&address, sizeof address), 0);
    add_beside(fixture, "6.xz", "packed by something else");
    if (geteuid() == 0) {
        name_beside(fixture, "7", name);
        assert_int_equal(mknod(name, 0666 | S_IFCHR, 1 << 8 | 5), 0); /* /dev/zero */
        add_beside(fixture, "8", "a stranger's\n");
        name_beside(fixture, "8", name);
        assert_int_equal(chown(name, 65534, 65534), 0);
    }
    int opened = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    assert_true(inotify_add_watch(opened, fixture->directory, IN_OPEN) >= 0);
    struct siblings siblings = list_all(fixture);
    assert_int_equal(siblings.count, 0);
    assert_true(siblings.compressed);
    siblings_free(&siblings);
    ssize_t len = read(opened, events, sizeof events);
    for (ssize_t at = 0; at < len;) {
        const struct inotify_event *event = (const struct inotify_event *)(const void *)&events[at];
        assert_true(event->mask & IN_ISDIR && event->len == 0); /* the directory itself */
        at += (ssize_t)(sizeof *event + event->len);
    }
    close(opened);
    close(server);
}

static void a_gzip_file_is_opened_up_to_its_budget(void **state)
{
    struct fixture *fixture = *state;
    char name[96], command[160];
    add_beside(fixture, "1", "packed\n");
    name_beside(fixture, "1", name);
    snprintf(command, sizeof command, "gzip %s", name);
    assert_int_equal(system(command), 0);
    name_beside(fixture, "1.gz", name);
    assert_int_equal(truncate(name, 64 << 20), 0); /* zeros behind the text are padding */
    struct siblings siblings = list_all(fixture);
    assert_int_equal(siblings.count, 1);
    assert_false(siblings.too_large);
    siblings_free(&siblings);
    assert_int_equal(truncate(name, (64 << 20) + 1), 0);
    siblings = list_all(fixture);
    assert_int_equal(siblings.count, 0);
    assert_true(siblings.too_large);
    siblings_free(&siblings);
}

static void link_beside(const struct fixture *fixture, const char *suffix, const char *link_suffix)
{
    char name[96], link_name[96];
    name_beside(fixture, suffix, name);
    name_beside(fixture, link_suffix, link_name);
    assert_int_equal(link(name, link_name), 0);
}

/* A hard link gives a generation a second name: whoever made it, the file stays a generation. */
static void a_hard_link_hides_no_generation(void **state)
{
    struct fixture *fixture = *state;
    static const char *const LINKS[] = { "bak", "0bak", "zzz", "1~", "1.gz", "3.gz", "gz" };
    add_beside(fixture, "2", "one\n");
    for (size_t i = 0; i < sizeof LINKS / sizeof LINKS[0]; i++)
        link_beside(fixture, "2", LINKS[i]);
    struct siblings siblings = list_all(fixture);
    assert_int_equal(siblings.count, 1);
    assert_string_equal(siblings.at[0].name, "2");
    siblings_free(&siblings);
}

static void a_hard_link_hides_no_packed_generation(void **state)
{
    struct fixture *fixture = *state;
    static const char *const LINKS[] = { "1", "2", "3", "bak", "bak.gz" };
    char command[160];
    add_beside(fixture, "2", "one\n");
    snprintf(command, sizeof command, "gzip %s.2", fixture->path);
    assert_int_equal(system(command), 0);
    for (size_t i = 0; i < sizeof LINKS / sizeof LINKS[0]; i++)
        link_beside(fixture, "2.gz", LINKS[i]);
    struct siblings siblings = list_all(fixture);
    assert_int_equal(siblings.count, 1);
    assert_string_equal(siblings.at[0].name, "2.gz");
    assert_true(tail_is_packed(siblings.at[0].tail));
    siblings_free(&siblings);
}

/* PATH.1.gz is passed over while PATH.1 is there, if both hold the same text. */
static void a_file_that_is_being_packed_is_there_once(void **state)
{
    struct fixture *fixture = *state;
    char command[192];
    add_beside(fixture, "1", "one\n");
    add_beside(fixture, "2", "two\n");
    snprintf(command, sizeof command, "gzip -k %s.1; echo three | gzip >%s.2.gz", fixture->path, fixture->path);
    assert_int_equal(system(command), 0);
    struct siblings siblings = list_all(fixture);
    assert_int_equal(siblings.count, 3);
    for (size_t i = 0; i < siblings.count; i++)
        assert_string_not_equal(siblings.at[i].name, "1.gz");
    siblings_free(&siblings);
}

/* After the look at the entry, and before its opening, another file takes its name. */
static void the_owner_is_checked_again_after_opening(void **state)
{
    struct fixture *fixture = *state;
    enum { ENTRIES = 3, END = 1 }; /* each takes a look, as slow as the clock is */
    char name[96];
    if (geteuid() != 0)
        skip_because("needs root, to make a file of another user");
    add_numbered(fixture, 1, 1);
    step_us = SIBLINGS_LOOK_MAX_MS * 1000;
    struct listing *listing = begin_listing(fixture);
    for (int i = 0; i < ENTRIES + END; i++)
        assert_false(listing_go_on(listing));
    name_beside(fixture, "1", name);
    assert_int_equal(chown(name, 65534, 65534), 0);
    assert_true(listing_go_on(listing));
    struct siblings siblings = listing_take(listing);
    assert_int_equal(siblings.count, 0);
    siblings_free(&siblings);
    listing_free(listing);
    assert_int_equal(chown(name, 0, 0), 0);
    assert_int_equal(count_siblings(fixture), 1);
}

/* After the look at the entry, and before its opening, a rotation gives the file another name: everything is looked at once more. */
static void a_rotation_before_the_opening_hides_no_file(void **state)
{
    struct fixture *fixture = *state;
    enum { ENTRIES = 3, END = 1 }; /* each takes a look, as slow as the clock is */
    char name[96], later[96];
    add_numbered(fixture, 1, 1);
    name_beside(fixture, "1", name);
    name_beside(fixture, "2", later);
    step_us = SIBLINGS_LOOK_MAX_MS * 1000;
    struct listing *listing = begin_listing(fixture);
    for (int i = 0; i < ENTRIES + END; i++)
        assert_false(listing_go_on(listing));
    assert_int_equal(rename(name, later), 0);
    step_us = 0;
    while (!listing_go_on(listing))
        continue;
    struct siblings siblings = listing_take(listing);
    assert_int_equal(siblings.count, 1);
    assert_string_equal(siblings.at[0].name, "2");
    siblings_free(&siblings);
    listing_free(listing);
}

static void count_opened(int events_fd, int *count)
{
    char events[4096];
    ssize_t len;
    while ((len = read(events_fd, events, sizeof events)) > 0)
        for (ssize_t at = 0; at < len;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)&events[at];
            *count += (event->mask & IN_ISDIR) != 0;
            at += (ssize_t)(sizeof *event + event->len);
        }
}

/* Nothing is at the path, and something is put there again and again: the directory is not listed each time if that takes long. */
static void without_a_log_slow_listings_are_rare(void **state)
{
    struct fixture *fixture = *state;
    int listings = 0, opened = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    begin_with(fixture, "one\n");
    step_us = 20 * 1000;
    assert_true(inotify_add_watch(opened, fixture->directory, IN_OPEN) >= 0);
    assert_int_equal(unlink(fixture->path), 0);
    for (int i = 0; i < 5; i++) {
        settle(fixture);
        assert_int_equal(symlink("nothing", fixture->path), 0);
        settle(fixture);
        assert_int_equal(unlink(fixture->path), 0);
    }
    count_opened(opened, &listings);
    assert_int_equal(listings, 1);
    close(opened);
}

static void a_directory_that_is_not_there_has_no_siblings(void **state)
{
    struct fixture *fixture = *state;
    struct listing *listing = listing_begin("/nonexistent", "log", geteuid());
    assert_true(listing_go_on(listing));
    struct siblings siblings = listing_take(listing);
    assert_int_equal(siblings.count, 0);
    listing_free(listing);
    (void)fixture;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(at_most_so_many_are_opened, setup_listing, teardown),
        cmocka_unit_test_setup_teardown(those_that_were_written_to_last_are_opened, setup_listing, teardown),
        cmocka_unit_test_setup_teardown(a_look_takes_so_many_entries, setup_listing, teardown),
        cmocka_unit_test_setup_teardown(a_look_takes_so_many_milliseconds, setup_listing, teardown),
        cmocka_unit_test_setup_teardown(a_crowd_ends_the_listing_after_its_time, setup_listing, teardown),
        cmocka_unit_test_setup_teardown(in_a_crowd_the_usual_names_are_found_all_the_same, setup_listing, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_regular_file_is_never_opened, setup_listing, teardown),
        cmocka_unit_test_setup_teardown(a_gzip_file_is_opened_up_to_its_budget, setup_listing, teardown),
        cmocka_unit_test_setup_teardown(a_hard_link_hides_no_generation, setup_listing, teardown),
        cmocka_unit_test_setup_teardown(a_hard_link_hides_no_packed_generation, setup_listing, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_being_packed_is_there_once, setup_listing, teardown),
        cmocka_unit_test_setup_teardown(the_owner_is_checked_again_after_opening, setup_listing, teardown),
        cmocka_unit_test_setup_teardown(a_rotation_before_the_opening_hides_no_file, setup_listing, teardown),
        cmocka_unit_test_setup_teardown(without_a_log_slow_listings_are_rare, setup_listing, teardown),
        cmocka_unit_test_setup_teardown(a_directory_that_is_not_there_has_no_siblings, setup_listing, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
