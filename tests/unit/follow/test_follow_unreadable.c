/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "follow_help.h"

#include <errno.h>

/* A disk that fails reads for a while. The linker gives the agent's calls of pread to this one. With 64-bit
 * offsets on every machine, the C library's name of pread is pread64. */
static bool broken;

ssize_t __real_pread64(int fd, void *buffer, size_t bytes, off_t offset);
ssize_t __wrap_pread64(int fd, void *buffer, size_t bytes, off_t offset);
ssize_t __wrap_pread64(int fd, void *buffer, size_t bytes, off_t offset)
{
    if (!broken)
        return __real_pread64(fd, buffer, bytes, offset);
    errno = EIO;
    return -1;
}

static size_t times_refused(const struct fixture *fixture)
{
    size_t count = 0;
    char *end;
    for (const char *at = strbuf_text(&fixture->notes); *at; at = end + 1)
        count += strtol(at, &end, 10) == FOLLOW_REFUSED;
    return count;
}

static void what_cannot_be_read_is_said_once_and_read_later(void **state)
{
    struct fixture *fixture = *state;
    begin_with(fixture, "one\n");
    broken = true;
    add(fixture->path, "two\n");
    settle(fixture);
    assert_string_equal(follow_refusal(fixture->follow), "cannot be read: Input/output error");
    assert_int_equal(times_refused(fixture), 1);
    broken = false;
    settle(fixture);
    assert_null(follow_refusal(fixture->follow));
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\n");
}

/* Two troubles at once, each said once; the one that lasts is told for as long as it does. */
static void a_log_that_is_refused_stays_so_when_the_old_file_can_be_read_again(void **state)
{
    struct fixture *fixture = *state;
    begin_with(fixture, "one\n");
    broken = true;
    add(fixture->path, "two\n");
    settle(fixture);
    rotate(fixture, "1");
    assert_int_equal(symlink("/dev/null", fixture->path), 0);
    settle(fixture);
    assert_non_null(strstr(follow_refusal(fixture->follow), "symbolic link"));
    assert_int_equal(times_refused(fixture), 2);
    broken = false;
    settle(fixture);
    assert_non_null(follow_refusal(fixture->follow));
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_said_once_and_read_later, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_that_is_refused_stays_so_when_the_old_file_can_be_read_again, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
