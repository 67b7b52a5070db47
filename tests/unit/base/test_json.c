/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/zone.h"

static struct json_writer writer(struct strbuf *out, enum json_layout layout)
{
    return (struct json_writer){ .out = out, .layout = layout };
}

static void assert_written(struct strbuf *out, const char *expected)
{
    assert_string_equal(strbuf_text(out), expected);
    strbuf_free(out);
}

static void put_sample(struct json_writer *json)
{
    static const char *const texts[] = { "a", NULL, "b" };
    json_open(json, NULL, '{');
    json_put_text(json, "text", "x");
    json_put_text(json, "none", NULL);
    json_put_given(json, "absent", NULL);
    json_put_given(json, "empty", "");
    json_put_given(json, "given", "y");
    json_put_int(json, "least", INT64_MIN);
    json_put_bool(json, "yes", true);
    json_open(json, "nothing", '[');
    json_close(json, ']');
    json_open(json, "object", '{');
    json_put_texts(json, "texts", texts, 3);
    json_put_null(json, "null");
    json_close(json, '}');
    json_put_made(json, "made", "[1,\"z\"]");
    json_close(json, '}');
}

static void compact_json_is_one_line_without_blanks(void **state)
{
    (void)state;
    struct strbuf out = { 0 };
    struct json_writer json = writer(&out, JSON_COMPACT);
    put_sample(&json);
    assert_written(&out, "{\"text\":\"x\",\"none\":null,\"given\":\"y\",\"least\":-9223372036854775808,\"yes\":true,"
                         "\"nothing\":[],\"object\":{\"texts\":[\"a\",null,\"b\"],\"null\":null},\"made\":[1,\"z\"]}");
}

static void indented_json_has_a_line_for_each_value(void **state)
{
    (void)state;
    struct strbuf out = { 0 };
    struct json_writer json = writer(&out, JSON_INDENTED);
    put_sample(&json);
    assert_written(&out, "{\n  \"text\": \"x\",\n  \"none\": null,\n  \"given\": \"y\",\n  \"least\": "
                         "-9223372036854775808,\n  \"yes\": true,\n  \"nothing\": [],\n  \"object\": {\n    \"texts\": "
                         "[\n      \"a\",\n      null,\n      \"b\"\n    ],\n    \"null\": null\n  },\n  \"made\": "
                         "[1,\"z\"]\n}\n");
}

static void assert_string(const char *text, const char *expected)
{
    struct strbuf out = { 0 };
    struct json_writer json = writer(&out, JSON_COMPACT);
    json_put_text(&json, NULL, text);
    assert_written(&out, expected);
}

static void a_text_may_be_any_bytes(void **state)
{
    (void)state;
    assert_string("", "\"\"");
    assert_string("say \"so\" \\ /", "\"say \\\"so\\\" \\\\ /\"");
    assert_string("\b\f\n\r\t\x01\x1f\x7f", "\"\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\"");
    assert_string("✓ größe 😀", "\"✓ größe 😀\"");
    assert_string("a\xff\xc3(\xe2\x82", "\"a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\"");
    struct strbuf out = { 0 };
    struct json_writer json = writer(&out, JSON_COMPACT);
    json_put_slice(&json, NULL, (struct slice){ "a\0b", 3 });
    assert_written(&out, "\"a\\u0000b\"");
}

static void characters_that_act_are_escaped(void **state)
{
    (void)state;
    assert_string("a\xe2\x80\xae"
                  "b",
                  "\"a\\u202eb\"");
    assert_string("\xf3\xa0\x80\x81", "\"\\udb40\\udc01\""); /* U+E0001, a tag: a surrogate pair */
    struct strbuf out = { 0 };
    struct json_writer json = writer(&out, JSON_COMPACT);
    json_put_made(&json, NULL, "[\"\xe2\x80\xae\\n\"]");
    assert_written(&out, "[\"\\u202e\\n\"]");
}

static void times_are_in_the_zone_of_the_process(void **state)
{
    (void)state;
    struct strbuf out = { 0 };
    struct json_writer json = writer(&out, JSON_COMPACT);
    assert_true(zone_set("Australia/Sydney"));
    json_open(&json, NULL, '[');
    json_put_time(&json, NULL, INT64_C(1772494203169));
    json_put_time(&json, NULL, 0);
    json_close(&json, ']');
    assert_written(&out, "[\"2026-03-03T10:30:03.169+11:00\",null]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compact_json_is_one_line_without_blanks),
        cmocka_unit_test(indented_json_has_a_line_for_each_value),
        cmocka_unit_test(a_text_may_be_any_bytes),
        cmocka_unit_test(characters_that_act_are_escaped),
        cmocka_unit_test(times_are_in_the_zone_of_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
