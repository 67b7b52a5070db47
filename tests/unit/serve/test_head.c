/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/serve/head.h"
#include "base/budgets.h"
#include "base/strbuf.h"

/* The status that refuses it; 0: it is incomplete; 200: it is good. */
static unsigned judged(const char *text, size_t len, bool takes_options)
{
    struct refusal refusal = { 0 };
    switch (head_judge((struct slice){ text, len }, takes_options, &refusal)) {
    case HEAD_INCOMPLETE: return 0;
    case HEAD_GOOD: return 200;
    case HEAD_REFUSED: assert_non_null(refusal.why); return refusal.status;
    }
    return 1;
}

static unsigned judge(const char *text)
{
    return judged(text, strlen(text), false);
}

static void good_heads_are_good_and_each_part_of_one_is_incomplete(void **state)
{
    static const char *const heads[] = {
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "HEAD /incidents?table=a%20b&open=yes HTTP/1.0\r\nhost:x\r\nX-Odd!: \xc3\xa9\tz \r\nContent-Length: 0\r\n\r\n",
        "GET //../..%2f HTTP/1.1\r\nAccept:\r\nHOST:\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        size_t len = strlen(heads[i]);
        assert_int_equal(judge(heads[i]), 200);
        for (size_t part = 0; part < len; part++)
            assert_int_equal(judged(heads[i], part, false), 0);
    }
    assert_int_equal(judge("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n"), 200); /* the rest is not looked at */
}

static void what_is_no_request_of_these_pages_is_refused(void **state)
{
    static const struct {
        unsigned status;
        const char *head;
    } wrong[] = {
        { 405, "POST / HTTP/1.1\r\n" },
        { 405, "get / HTTP/1.1\r\n" },
        { 405, "OPTIONS / HTTP/1.1\r\n" },
        { 405, "OPTIONS * HTTP/1.1\r\n" },
        { 405, "CONNECT a:1 HTTP/1.1\r\n" },
        { 400, "GET * HTTP/1.1\r\n" },
        { 400, "GET http://localhost/ HTTP/1.1\r\n" },
        { 400, "GET incidents HTTP/1.1\r\n" },
        { 505, "GET / HTTP/2.0\r\n" },
        { 505, "GET / HTTP/1.2\r\n" },
        { 400, "GET /\r\n" },
        { 400, "GET  / HTTP/1.1\r\n" },
        { 400, "GET /  HTTP/1.1\r\n" },
        { 400, "GET / HTTP/1.1 \r\n" },
        { 400, "GET / http/1.1\r\n" },
        { 400, " GET / HTTP/1.1\r\n" },
        { 400, "\r\nGET / HTTP/1.1\r\n" },
        { 400, "GET / HTTP/1.1\n" },
        { 400, "GET /\xff HTTP/1.1\r\n" },
        { 400, "GET /\t HTTP/1.1\r\n" },
        { 400, "\x16\x03\x01\x02\n" },
        { 400, "GET / HTTP/1.1\r\n\r\n" },
        { 400, "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n" },
        { 400, "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n" },
        { 400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n" },
        { 400, "GET / HTTP/1.1\r\nHost: a\n\r\n" },
        { 400, "GET / HTTP/1.1\r\n: a\r\n\r\n" },
        { 400, "GET / HTTP/1.1\r\nno colon\r\n" },
        { 400, "GET / HTTP/1.1\r\nX: a\rb\r\n" },
        { 413, "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" },
        { 413, "GET / HTTP/1.1\r\nContent-Length: 5\r\n" },
        { 413, "GET / HTTP/1.1\r\nContent-Length: -0\r\n" },
        { 417, "GET / HTTP/1.1\r\nExpect: 100-continue\r\n" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (judge(wrong[i].head) != wrong[i].status)
            fail_msg("%s is %u", wrong[i].head, judge(wrong[i].head));
    static const char with_nul[] = "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n",
                      in_name[] = "GET / HTTP/1.1\r\nH\0: a\r\n\r\n";
    assert_int_equal(judged(with_nul, sizeof with_nul - 1, false), 400);
    assert_int_equal(judged(in_name, sizeof in_name - 1, false), 400);
    assert_int_equal(judged("OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n", 31, true), 200);
}

static unsigned judge_long(size_t address, size_t header, size_t headers)
{
    struct strbuf text = { 0 };
    strbuf_puts(&text, "GET /");
    for (size_t i = 1; i < address; i++)
        strbuf_puts(&text, "a");
    strbuf_puts(&text, " HTTP/1.1\r\nHost: a\r\n");
    for (size_t i = 0; i < headers; i++) {
        strbuf_puts(&text, "X: ");
        for (size_t j = 0; j < header; j++)
            strbuf_puts(&text, "y");
        strbuf_puts(&text, "\r\n");
    }
    strbuf_puts(&text, "\r\n");
    unsigned status = judged(text.at, text.len, false);
    strbuf_free(&text);
    return status;
}

static void lengths_have_bounds(void **state)
{
    (void)state;
    assert_int_equal(judge_long(SERVE_URL_MAX_BYTES, 1, 1), 200);
    assert_int_equal(judge_long(SERVE_URL_MAX_BYTES + 1, 1, 1), 414);
    assert_int_equal(judge_long(1, SERVE_HEADER_MAX_BYTES - 18, 1),
                     200); /* and "Host: a" with three line ends and "X: " */
    assert_int_equal(judge_long(1, SERVE_HEADER_MAX_BYTES - 15, 1), 431);
    assert_int_equal(judge_long(1, 1, 98), 200);
    assert_int_equal(judge_long(1, 1, 100), 431);
    char *junk = must_alloc(HEAD_MAX_BYTES);
    memset(junk, 'a', HEAD_MAX_BYTES);
    assert_int_equal(judged(junk, HEAD_MAX_BYTES, false), 414);
    memcpy(junk, "GET / HTTP/1.1\r\n", 16);
    assert_int_equal(judged(junk, HEAD_MAX_BYTES, false), 431);
    free(junk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_heads_are_good_and_each_part_of_one_is_incomplete),
        cmocka_unit_test(what_is_no_request_of_these_pages_is_refused),
        cmocka_unit_test(lengths_have_bounds),
    };
    return cmocka_run_group_tests_name("head", tests, NULL, NULL);
}
