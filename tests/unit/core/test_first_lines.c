/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stories.c"

/*
 * The first lines of the stories. With FIRST_LINES in the environment they are written into the file that it names:
 * tests/e2e/test_first_lines.py compares them with the recorded ones.
 */

/* A line for each notification that people get: "NAME\tSTATUS\tSEVERITY\tSUMMARY". */
static void write_line(void *ctx, const char *story, const struct notification *notification)
{
    size_t len = strcspn(notification->summary, "\n");
    assert_in_range(len, 1, 4 * FIRST_LINE_MAX_CHARS);
    if (ctx)
        fprintf(ctx, "%s\t%s\t%s\t%.*s\n", story, notification_status_name(notification->status),
                severity_name(notification->severity), (int)len, notification->summary);
}

static void each_story_is_told(void **unused)
{
    const char *path = getenv("FIRST_LINES");
    FILE *out = path ? fopen(path, "we") : NULL;
    (void)unused;
    assert_true(!path || out);
    tell_stories(write_line, out);
    if (out)
        assert_int_equal(fclose(out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_story_is_told) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
