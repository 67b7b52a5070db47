/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/budgets.h"
#include "base/zone.h"
#include "first_day.h"
#include "parser.h"

static const char LOG[] =
    "06:15:00.112 | INFO    | Flow run 'a' - Beginning flow run 'a' for flow 'iceberg-offload-main'\n"
    "06:16:00.112 | INFO    | Flow run 'a' - Finished in state Completed()\n";

/* A memory file system takes any time for that of a file's last write. */
static void days_are_within_the_times_of_events(void **unused)
{
    (void)unused;
    static const int64_t WRITTEN_S[] = { INT64_C(9223372036854775), INT64_C(99999999999999), INT64_C(-99999999999999),
                                         1771395360 };
    char path[] = "/dev/shm/agent-first-day-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0)
        skip_because("no file can be made in /dev/shm");
    assert_true(zone_set("UTC"));
    assert_int_equal(write(fd, LOG, strlen(LOG)), (ssize_t)strlen(LOG));
    for (size_t i = 0; i < sizeof WRITTEN_S / sizeof WRITTEN_S[0]; i++) {
        const struct timespec times[2] = { { .tv_sec = WRITTEN_S[i] }, { .tv_sec = WRITTEN_S[i] } };
        assert_int_equal(futimens(fd, times), 0);
        const struct first_day_question question = { .path = path, .patterns = PATTERNS_K2_PREFECT };
        struct first_day day = first_day_find(&question);
        assert_true(day.known);
        assert_in_range(day.begin_ms + EVENT_TIME_MAX_MS + INT64_C(86400000), 0,
                        2 * (uint64_t)EVENT_TIME_MAX_MS + 86400000);
    }
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(days_are_within_the_times_of_events) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
