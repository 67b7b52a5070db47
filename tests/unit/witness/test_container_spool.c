/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/witness/container.h"
#include "base/budgets.h"

static const char ID[] = "0123456789abcdef";

struct spool_place {
    char directory[64];
    struct strbuf path, rotated;
};

static int place_make(void **state)
{
    struct spool_place *place = must_alloc(sizeof *place);
    strcpy(place->directory, "/tmp/agent-spool-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    strbuf_printf(&place->path, "%s/container.log", place->directory);
    strbuf_printf(&place->rotated, "%s.1", strbuf_text(&place->path));
    *state = place;
    return 0;
}

static int place_remove(void **state)
{
    struct spool_place *place = *state;
    unlink(strbuf_text(&place->path));
    unlink(strbuf_text(&place->rotated));
    rmdir(place->directory);
    strbuf_free(&place->path);
    strbuf_free(&place->rotated);
    free(place);
    return 0;
}

static int64_t size_of(const struct strbuf *path)
{
    struct stat st;
    return stat(strbuf_text(path), &st) == 0 ? (int64_t)st.st_size : -1;
}

static struct container_spool *open_spool(const struct spool_place *place, struct strbuf *since)
{
    struct strbuf error = { 0 };
    struct container_spool *spool = container_spool_open(strbuf_text(&place->path), &error);
    assert_string_equal(strbuf_text(&error), "");
    strbuf_clear(since);
    container_spool_take_up(spool, ID, since);
    strbuf_free(&error);
    return spool;
}

/* One line of 8 kB in each second of 2026-02-18, from its beginning on. */
static void add_line(struct container_spool *spool, int second)
{
    char stamp[64], text[8192];
    snprintf(stamp, sizeof stamp, "2026-02-18T%02d:%02d:%02d.000000000Z", second / 3600, second / 60 % 60, second % 60);
    memset(text, 'x', sizeof text);
    assert_true(container_spool_add(
        spool, &(struct container_line){ .stamp = slice_of(stamp), .text = { text, sizeof text } }));
}

/* An agent that ends behind a rotation goes on behind the last line of the file that was rotated away. */
static void a_rotation_before_a_restart_doubles_nothing(void **state)
{
    const struct spool_place *place = *state;
    struct strbuf since = { 0 }, expected = { 0 };
    struct container_spool *spool = open_spool(place, &since);
    assert_string_equal(strbuf_text(&since), "");
    int second = 0;
    while (size_of(&place->rotated) < 0)
        add_line(spool, second++);
    container_spool_close(spool);
    assert_int_equal(size_of(&place->path), 0);

    spool = open_spool(place, &since);
    assert_true(container_spool_is_of(spool, ID));
    strbuf_printf(&expected, "%lld", 1771372800LL + second - 1 - 5);
    assert_string_equal(strbuf_text(&since), strbuf_text(&expected));
    for (int again = second - 6; again < second; again++)
        add_line(spool, again);
    assert_int_equal(size_of(&place->path), 0);
    add_line(spool, second);
    assert_true(size_of(&place->path) > 8192);
    int64_t size = size_of(&place->path);
    container_spool_close(spool);

    spool = open_spool(place, &since);
    for (int again = second - 5; again <= second; again++)
        add_line(spool, again);
    assert_int_equal(size_of(&place->path), size);
    container_spool_close(spool);
    strbuf_free(&since);
    strbuf_free(&expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_rotation_before_a_restart_doubles_nothing, place_make, place_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
