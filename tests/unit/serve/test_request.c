/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/serve/request.h"

static void assert_route(const char *target, enum route route, int64_t id)
{
    struct request request;
    struct strbuf why = { 0 };
    assert_int_equal(request_read(target, &request, &why), route ? REQUEST_READ : REQUEST_NO_PAGE);
    assert_int_equal(request.route, route);
    assert_int_equal(request.id, id);
    assert_string_equal(strbuf_text(&why), "");
    request_free(&request);
}

static void test_each_page_has_its_address(void **state)
{
    (void)state;
    assert_route("/", ROUTE_STATUS, 0);
    assert_route("/?", ROUTE_STATUS, 0);
    assert_route("/incidents", ROUTE_INCIDENTS, 0);
    assert_route("/incidents/12", ROUTE_INCIDENT, 12);
    assert_route("/incidents/999999999999999999", ROUTE_INCIDENT, 999999999999999999);
    assert_route("/report", ROUTE_REPORT, 0);
    assert_route("/api/v1/status", ROUTE_API_STATUS, 0);
    assert_route("/api/v1/incidents", ROUTE_API_INCIDENTS, 0);
    assert_route("/api/v1/incidents/7", ROUTE_API_INCIDENT, 7);
    assert_route("/tables", ROUTE_TABLES, 0);
    assert_route("/tables/bronze", ROUTE_TABLE, 0);
    assert_route("/tables/bronze?span=year", ROUTE_TABLE, 0);
    assert_route("/cycles", ROUTE_CYCLES, 0);
    assert_route("/cycles/3?", ROUTE_CYCLE, 3);
    assert_route("/api/v1/cycles", ROUTE_API_CYCLES, 0);
    assert_route("/api/v1/tables", ROUTE_API_TABLES, 0);
    assert_route("/api/v1/openapi.json", ROUTE_API_DESCRIPTION, 0);
    assert_route("/metrics", ROUTE_METRICS, 0);
    assert_route("/healthz", ROUTE_HEALTH, 0);
    assert_route("/badge.svg", ROUTE_BADGE, 0);
}

static void test_other_addresses_have_none(void **state)
{
    static const char *const targets[] = {
        "",
        "*",
        "//",
        "/.",
        "/..",
        "/x",
        "/incidents/",
        "/incidents/0",
        "/incidents/01",
        "/incidents/-1",
        "/incidents/+1",
        "/incidents/1/",
        "/incidents/1 ",
        "/incidents/%31",
        "/incidents/1000000000000000000",
        "/Metrics",
        "/metrics/",
        "/api/v1/status/",
        "/api/v1/incidents/",
        "/tables/",
        "/tables/a/b",
        "/tables/a/",
        "/tables/%",
        "/tables/%4",
        "/tables/%4g",
        "/tables/a%00b",
        "/cycles/",
        "/cycles/x",
        "/cycles/0",
        "/%2e%2e/etc/passwd",
        "http://localhost/",
    };
    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
        assert_route(targets[i], ROUTE_NONE, 0);
}

/* A name comes back from its path as it was, whatever is in it. */
static void test_any_name_of_a_table_has_a_path(void **state)
{
    static const char *const names[] = {
        "bronze_trades_kraken", "a/b",          "../../etc/passwd", "100%",          "<script>",
        "a b?c#d&e=f",          "\xe2\x80\xae", "\x01\n\x7f",       "not\xff UTF-8", "'\"",
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct request request;
        struct strbuf target = { 0 }, why = { 0 };
        strbuf_puts(&target, "/tables/");
        request_put_name(names[i], &target);
        strbuf_puts(&target, "?span=day");
        assert_int_equal(strspn(target.at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%/?="),
                         target.len);
        assert_int_equal(request_read(target.at, &request, &why), REQUEST_READ);
        assert_int_equal(request.route, ROUTE_TABLE);
        assert_string_equal(request.name, names[i]);
        request_free(&request);
        strbuf_free(&target);
    }
}

/* The same request for what comes next: other parameters stay as they were, whatever is in them. */
static void test_a_request_goes_on(void **state)
{
    struct request request;
    struct strbuf next = { 0 }, why = { 0 };
    (void)state;
    assert_int_equal(request_read("/api/v1/cycles?table=a%26b%20%25&before=9&limit=5", &request, &why), REQUEST_READ);
    request_put_again(&request, "/api/v1/cycles", PARAMETER_BEFORE, "4", &next);
    assert_string_equal(next.at, "/api/v1/cycles?table=a%26b%20%25&limit=5&before=4");
    request_free(&request);
    strbuf_clear(&next);
    assert_int_equal(request_read("/cycles", &request, &why), REQUEST_READ);
    request_put_again(&request, "/cycles", PARAMETER_BEFORE, "4", &next);
    assert_string_equal(next.at, "/cycles?before=4");
    request_free(&request);
    strbuf_free(&next);
}

static void assert_value(const char *target, enum parameter parameter, const char *expected)
{
    struct request request;
    struct strbuf why = { 0 };
    assert_int_equal(request_read(target, &request, &why), REQUEST_READ);
    if (expected)
        assert_string_equal(request.values[parameter], expected);
    else
        assert_null(request.values[parameter]);
    request_free(&request);
}

static void test_values_are_read_as_a_form_sends_them(void **state)
{
    (void)state;
    assert_value("/incidents?since=2026-03-03+10%3A15", PARAMETER_SINCE, "2026-03-03 10:15");
    assert_value("/incidents?since=&table=a%2bb%C3%A9&&open=yes", PARAMETER_TABLE, "a+b\xc3\xa9");
    assert_value("/incidents?since=&table=a&open=yes", PARAMETER_SINCE, NULL);
    assert_value("/incidents?since", PARAMETER_SINCE, NULL);
    assert_value("/incidents?alert=a=b?c", PARAMETER_ALERT, "a=b?c");
    assert_value("/report?until=1d", PARAMETER_UNTIL, "1d");
    assert_value("/tables/a%20b?span=month", PARAMETER_SPAN, "month");
}

static void test_wrong_queries_are_refused(void **state)
{
    static const char *const targets[] = {
        "/?since=1d",           "/incidents?limit=1",   "/incidents?since=1&since=2", "/incidents?table=%",
        "/incidents?table=%4",  "/incidents?table=%4g", "/incidents?table=%00",       "/incidents?table=%0a",
        "/incidents?table=%7f", "/incidents?table=%ff", "/incidents?table=%c3",       "/report?open=yes",
        "/cycles?span=day",     "/tables?span=day",     "/tables/a?since=1d",         "/cycles/1?since=1d",
        "/incidents?SINCE=1d",  "/incidents?=1d",       "/incidents?sinc=1d",         "/incidents?since1=1d",
    };
    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        struct request request;
        struct strbuf why = { 0 };
        if (request_read(targets[i], &request, &why) != REQUEST_WRONG || why.len == 0)
            fail_msg("%s is taken", targets[i]);
        request_free(&request);
        strbuf_free(&why);
    }
}

static void test_only_these_hosts_are_ours(void **state)
{
    static const char *const ours[] = { "localhost", "127.0.0.1", "[::1]", "offload.example.org" };
    static const char *const good[] = { "localhost", "LocalHost:9188", "127.0.0.1:1",
                                        "[::1]",     "[::1]:9188",     "OFFLOAD.example.org" };
    static const char *const bad[] = { "",
                                       "evil.example",
                                       "localhost.evil.example",
                                       "localhost:",
                                       "localhost:x",
                                       "localhost:1:2",
                                       "127.0.0.1@evil",
                                       "::1",
                                       "[::1",
                                       "[::1]x",
                                       "localhos",
                                       "localhost ",
                                       ":80",
                                       "offload.example.org." };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(request_host_is_ours(good[i], ours, 4));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (request_host_is_ours(bad[i], ours, 4))
            fail_msg("'%s' is taken for ours", bad[i]);
    assert_false(request_host_is_ours(NULL, ours, 4));
    assert_false(request_host_is_ours("localhost", ours, 0));
}

static void assert_url_host(const char *url, const char *expected)
{
    struct strbuf host = { 0 };
    request_url_host(url, &host);
    assert_string_equal(strbuf_text(&host), expected);
    strbuf_free(&host);
}

static void test_the_host_of_a_url(void **state)
{
    (void)state;
    assert_url_host("https://offload.example.org", "offload.example.org");
    assert_url_host("https://offload.example.org:8443/agent?x", "offload.example.org");
    assert_url_host("http://user:word@host/", "host");
    assert_url_host("http://[2001:db8::1]:80/", "[2001:db8::1]");
    assert_url_host("http:///x", "");
    assert_url_host("nothing", "");
    assert_url_host(NULL, "");
}

static void test_the_token(void **state)
{
    static const char *const bad[] = { "",
                                       "Bearer",
                                       "Bearer ",
                                       "Bearer s3cre",
                                       "Bearer s3crets",
                                       "Bearer S3cret",
                                       "Bearer s3crets3cret",
                                       "Bearer  s3cret",
                                       "Basic s3cret",
                                       "s3cret",
                                       "Bearer s3crex" };
    (void)state;
    assert_true(request_token_is_right("Bearer s3cret", "s3cret"));
    assert_true(request_token_is_right("bearer s3cret", "s3cret"));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (request_token_is_right(bad[i], "s3cret"))
            fail_msg("'%s' is taken", bad[i]);
    assert_false(request_token_is_right(NULL, "s3cret"));
    assert_false(request_token_is_right("Bearer ", ""));
    assert_false(request_token_is_right("Bearer x", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_page_has_its_address),
        cmocka_unit_test(test_other_addresses_have_none),
        cmocka_unit_test(test_any_name_of_a_table_has_a_path),
        cmocka_unit_test(test_a_request_goes_on),
        cmocka_unit_test(test_values_are_read_as_a_form_sends_them),
        cmocka_unit_test(test_wrong_queries_are_refused),
        cmocka_unit_test(test_only_these_hosts_are_ours),
        cmocka_unit_test(test_the_host_of_a_url),
        cmocka_unit_test(test_the_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
