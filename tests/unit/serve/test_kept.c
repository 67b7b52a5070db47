/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/serve/kept.h"
#include "base/budgets.h"
#include "base/strbuf.h"

static int alive;

static void let_go(void *response)
{
    (void)response;
    alive--;
}

static void put(struct kept *kept, const char *key, size_t bytes, int64_t cost_ms)
{
    struct rendered *rendered = must_alloc(sizeof *rendered);
    *rendered = (struct rendered){ .status = 200, .bytes = bytes, .users = 1 };
    alive++;
    kept_put(kept, key, &(struct kept_answer){ rendered, 7, 1000, 1000, cost_ms });
    rendered_leave(rendered, let_go);
}

static void an_answer_is_fresh_then_stale_then_too_old(void **state)
{
    struct kept *kept = kept_new(let_go);
    (void)state;
    put(kept, "a", 10, 5);
    assert_null(kept_find(kept, "b"));
    assert_int_equal(kept_age(NULL, 1000), KEPT_NONE);
    const struct kept_answer *answer = kept_find(kept, "a");
    assert_int_equal(kept_age(answer, 1000 + SERVE_FRESH_MS - 1), KEPT_FRESH);
    assert_int_equal(kept_age(answer, 1000 + SERVE_FRESH_MS), KEPT_STALE);
    assert_int_equal(kept_age(answer, 1000 + SERVE_STALE_MS - 1), KEPT_STALE);
    assert_int_equal(kept_age(answer, 1000 + SERVE_STALE_MS), KEPT_NONE);
    kept_confirm(kept, "a", 5000);
    assert_int_equal(kept_age(kept_find(kept, "a"), 5100), KEPT_FRESH);
    kept_free(kept);
    assert_int_equal(alive, 0);
}

static void a_dear_answer_stays_longer_while_nothing_has_changed(void **state)
{
    static const struct {
        int64_t cost_ms, stays_ms;
    } costs[] = { { 0, 1000 }, { 5, 1000 }, { 500, 10000 }, { 9000, 60000 } };
    (void)state;
    for (size_t i = 0; i < sizeof costs / sizeof costs[0]; i++) {
        const struct kept_answer answer = { .made_ms = 1000, .checked_ms = 1000, .cost_ms = costs[i].cost_ms };
        assert_true(kept_may_stay(&answer, 1000 + costs[i].stays_ms - 1));
        assert_false(kept_may_stay(&answer, 1000 + costs[i].stays_ms));
    }
}

static void the_room_is_bounded_and_the_one_asked_for_last_stays(void **state)
{
    struct kept *kept = kept_new(let_go);
    (void)state;
    put(kept, "long", SERVE_KEPT_MAX_BYTES / 2 + 1, 1);
    assert_null(kept_find(kept, "long"));
    for (int i = 0; i < 100; i++) {
        char key[8];
        snprintf(key, sizeof key, "%d", i);
        put(kept, key, 10, 1);
        assert_non_null(kept_find(kept, "0"));
    }
    assert_int_equal(alive, 32);
    put(kept, "x", SERVE_KEPT_MAX_BYTES / 2, 1);
    put(kept, "y", SERVE_KEPT_MAX_BYTES / 2, 1);
    assert_int_equal(alive, 2);
    put(kept, "y", 1, 1);
    assert_int_equal(alive, 2);
    kept_free(kept);
    assert_int_equal(alive, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_fresh_then_stale_then_too_old),
        cmocka_unit_test(a_dear_answer_stays_longer_while_nothing_has_changed),
        cmocka_unit_test(the_room_is_bounded_and_the_one_asked_for_last_stays),
    };
    return cmocka_run_group_tests_name("kept", tests, NULL, NULL);
}
