/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/serve/listen.h"

static void assert_address(const char *text, const char *host, bool is_local)
{
    struct listen_address address;
    struct strbuf why = { 0 };
    if (!listen_parse(text, &address, &why))
        fail_msg("%s: %s", text, strbuf_text(&why));
    assert_string_equal(address.host ? address.host : "", host);
    assert_int_equal(address.is_local, is_local);
    assert_int_equal(address.path != NULL, *host == '\0');
    listen_free(&address);
}

static void test_addresses(void **state)
{
    (void)state;
    assert_address("127.0.0.1:9188", "127.0.0.1", true);
    assert_address("127.1.2.3:1", "127.1.2.3", true);
    assert_address("localhost:65535", "127.0.0.1", true);
    assert_address("[::1]:9188", "[::1]", true);
    assert_address("0.0.0.0:9188", "0.0.0.0", false);
    assert_address("128.0.0.1:9188", "128.0.0.1", false);
    assert_address("[::]:9188", "[::]", false);
    assert_address("[2001:db8::1]:9188", "[2001:db8::1]", false);
    assert_address("unix:/run/web.sock", "", true);
}

static void test_what_is_no_address(void **state)
{
    static const char *const texts[] = {
        "",
        "127.0.0.1",
        "9188",
        ":9188",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:1x",
        "::1:9188",
        "[::1]",
        "[::1:9188",
        "::1]:9188",
        "[127.0.0.1]:1",
        "host.example:80",
        "unix:",
        "unix:relative",
        "[]:1",
        "[:1",
        ("unix:/a/path/that/is/longer/than/the/kernel/takes/for/the/name/of/a/socket/in/a/directory/which/is/one/"
         "hundred/and/eight"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct listen_address address;
        struct strbuf why = { 0 };
        if (listen_parse(texts[i], &address, &why) || why.len == 0)
            fail_msg("'%s' is taken", texts[i]);
        listen_free(&address);
        strbuf_free(&why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_what_is_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
