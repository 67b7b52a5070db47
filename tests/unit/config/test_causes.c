/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../builtin_causes.h"
#include "../read_file.h"
#include "base/budgets.h"

/* The table of causes: the built-in one, and what a file of one's own makes of it. */

/* The table with a file of this text; NULL with *error. The file's name in the error is "FILE". */
static struct causes *causes_with(const char *text, struct strbuf *error)
{
    char path[] = "/tmp/test_causes.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
    close(fd);
    struct config config = { .runbooks_file = path };
    struct strbuf said = { 0 };
    struct causes *causes = config_causes(&config, &said);
    unlink(path);
    for (const char *at = strbuf_text(&said), *found; *at; at = found + strlen(path)) {
        found = strstr(at, path);
        if (!found) {
            strbuf_puts(error, at);
            break;
        }
        strbuf_add(error, at, (size_t)(found - at));
        strbuf_puts(error, "FILE");
    }
    strbuf_free(&said);
    return causes;
}

static struct causes *good_causes(const char *text)
{
    struct strbuf error = { 0 };
    struct causes *causes = causes_with(text, &error);
    assert_string_equal(strbuf_text(&error), "");
    assert_non_null(causes);
    return causes;
}

static void refused(const char *text, const char *expected)
{
    struct strbuf error = { 0 };
    assert_null(causes_with(text, &error));
    assert_string_equal(strbuf_text(&error), expected);
    strbuf_free(&error);
}

static const struct known_cause *cause_told(struct causes *causes, const char *text, int64_t exit_code)
{
    struct causes_answer answer = { 0 };
    if (*text && causes_is_banner(causes, slice_of(text)))
        return causes_of_banner(causes);
    if (*text)
        causes_read_line(causes, slice_of(text), &answer);
    causes_read_exit_code(causes, exit_code, &answer);
    return answer.cause ? answer.cause : causes_of_kind(causes, "failures");
}

static const char *name_told(struct causes *causes, const char *text)
{
    return cause_told(causes, text, 1)->name;
}

/* Each text of fixtures/causes/texts.tsv (text, exit code, scenario, cause) points where the file says. */
static void each_text_points_at_its_cause(void **unused)
{
    (void)unused;
    struct strbuf table = { 0 };
    size_t count = 0, wrong = 0;
    read_file(&table, "fixtures/causes/texts.tsv");
    char *rest = strchr(table.at, '\n') + 1;
    for (char *line; (line = strsep(&rest, "\n")) && *line; count++) {
        char *text = strsep(&line, "\t"), *code = strsep(&line, "\t"), *scenario = strsep(&line, "\t");
        const struct known_cause *told = cause_told(builtin_causes(), text, atoi(code));
        if (strcmp(told->name, *line ? line : "failures-unexplained") == 0 && strcmp(told->scenario, scenario) == 0)
            continue;
        wrong++;
        print_error("\"%s\" [%s]: %s, scenario %s, and due: %s, %s\n", text, code, told->name, told->scenario, line,
                    scenario);
    }
    assert_int_equal(wrong, 0);
    assert_true(count >= 200);
    strbuf_free(&table);
}

static void what_a_row_says_is_whole(void **unused)
{
    (void)unused;
    const struct known_cause *cause = causes_named(builtin_causes(), slice_of("clickhouse-unreachable"));
    assert_string_equal(cause->words, "ClickHouse unreachable");
    assert_string_equal(cause->runbook, "iceberg-offload-failure.md");
    assert_string_equal(cause->scenario, "1/2");
    assert_string_equal(cause->title, "ClickHouse connectivity failure");
    assert_string_equal(cause->first_command, "docker exec k2-clickhouse clickhouse-client -q \"SELECT 1\"");
    assert_null(cause->escalate_to);
    assert_string_equal(causes_named(builtin_causes(), slice_of("job-code"))->escalate_to, "Engineering Lead");
    assert_null(causes_named(builtin_causes(), slice_of("nothing")));
}

static void each_kind_of_incident_has_a_row(void **unused)
{
    (void)unused;
    static const char *const rows[][2] = {
        { "failures", "1" },         { "lag", "2" },        { "slow", "3" },           { "slow-volume", "3/1" },
        { "slow-resources", "3/2" }, { "stall", "4/5" },    { "scheduler-down", "5" }, { "scheduler-hung", "5" },
        { "crash-loop", "5" },       { "table-gone", "2" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct known_cause *cause = causes_of_kind(builtin_causes(), rows[i][0]);
        assert_non_null(cause);
        assert_string_equal(cause->scenario, rows[i][1]);
        assert_non_null(cause->first_command);
    }
    assert_non_null(causes_of_kind(builtin_causes(), "throughput"));
    assert_null(causes_of_kind(builtin_causes(), "weather"));
}

/* Only a component of the pipeline explains a failure by its name. */
static void probes_are_known_by_their_names(void **unused)
{
    (void)unused;
    static const char *const probes[][2] = {
        { "clickhouse", "clickhouse-unreachable" },
        { "ClickHouse", "clickhouse-unreachable" },
        { "k2-clickhouse", "clickhouse-unreachable" },
        { "clickhouse-http", "clickhouse-unreachable" },
        { "postgres", "postgres-unreachable" },
        { "postgresql-1", "postgres-unreachable" },
        { "spark", "spark-container-down" },
        { "k2-spark-iceberg", "spark-container-down" },
        { "docker", "docker-down" },
        { "grafana", NULL },
        { "clickhouse-dashboard", NULL },
        { "my-clickhouse-exporter", NULL },
        { "prefect", NULL },
        { "metrics page", NULL },
        { "", NULL },
    };
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++) {
        const struct known_cause *cause = causes_of_probe(builtin_causes(), slice_of(probes[i][0]));
        if (!probes[i][1])
            assert_null(cause);
        else
            assert_string_equal(cause->name, probes[i][1]);
    }
}

static void a_file_adds_causes_before_the_built_in_ones(void **unused)
{
    (void)unused;
    struct causes *causes = good_causes("[runbook licences.md]\n"
                                        "number = 9\n"
                                        "scenario = 3 Licence server is away\n"
                                        "[words]\n"
                                        "away = lost|%{refused}\n"
                                        "[cause licence]\n"
                                        "words = the licence ${what} is not to be had\n"
                                        "runbook = licences.md\n"
                                        "scenario = 3\n"
                                        "escalate_to = Licence Desk\n"
                                        "first_command = licence status\n"
                                        "text = licence '(?<what>\\w+)' && %{away} && !harmless\n"
                                        "exit_code = 77\n");
    struct causes_answer answer = { 0 };
    causes_read_line(causes, slice_of("Connection refused: licence 'spark' (clickhouse)"), &answer);
    assert_string_equal(answer.cause->name, "licence");
    assert_string_equal(answer.cause->scenario, "9/3");
    assert_string_equal(answer.cause->title, "Licence server is away");
    assert_string_equal(answer.cause->escalate_to, "Licence Desk");
    assert_true(slice_equals(answer.what, "spark"));
    assert_string_equal(name_told(causes, "licence 'x' lost, but harmless"), "failures-unexplained");
    assert_string_equal(cause_told(causes, "", 77)->name, "licence");
    assert_string_equal(name_told(causes, "java.lang.OutOfMemoryError"), "spark-memory");
    causes_free(causes);
}

static void a_section_of_the_same_name_replaces_the_built_in_one(void **unused)
{
    (void)unused;
    struct causes *causes = good_causes("[cause spark-memory]\n"
                                        "words = give it more\n"
                                        "runbook = iceberg-offload-failure.md\n"
                                        "text = heap space\n"
                                        "[runbook iceberg-offload-failure.md]\n"
                                        "scenario = 2 Another title\n"
                                        "scenario = 3 x\n"
                                        "scenario = 4 x\n"
                                        "scenario = 5 x\n");
    assert_string_equal(cause_told(causes, "java.lang.OutOfMemoryError: Java heap space", 1)->words, "give it more");
    assert_string_equal(name_told(causes, "GC overhead limit exceeded"), "failures-unexplained");
    assert_string_equal(causes_named(causes, slice_of("clickhouse-unreachable"))->title, "Another title");
    assert_string_equal(causes_named(causes, slice_of("clickhouse-unreachable"))->scenario, "1/2");
    causes_free(causes);
}

static void the_built_in_causes_can_be_left_out(void **unused)
{
    (void)unused;
    struct causes *causes = good_causes("[table]\nbuiltin = no\n[cause mine]\nwords = x\ntext = (?-i)Refused\n");
    assert_string_equal(cause_told(causes, "Refused", 1)->name, "mine");
    struct causes_answer answer = { 0 };
    causes_read_line(causes, slice_of("java.net.ConnectException: Connection refused"), &answer);
    causes_read_exit_code(causes, 137, &answer);
    causes_read_timeout(causes, &answer);
    assert_null(answer.cause);
    assert_null(causes_of_kind(causes, "lag"));
    assert_null(causes_of_banner(causes));
    assert_null(causes_of_probe(causes, slice_of("clickhouse")));
    assert_false(causes_is_banner(causes, slice_of("2026-03-03 10:15:02,415 - x - INFO - y")));
    causes_free(causes);
}

static void errors_name_their_lines(void **unused)
{
    (void)unused;
    refused("[cause a]\nwords = x\ntext = (\n",
            "FILE:3: text: bad regular expression at character 2: missing closing parenthesis");
    refused("[cause a]\nwords = x\ntxt = y\n[cause b]\nwords = x\nscenario = two\n",
            "FILE:3: txt: no such key of a cause\nFILE:6: scenario: 'two' is no number from 1 to 999");
    refused("[cause a]\n", "FILE:1: [cause a]: it has no words");
    refused("[cause a]\nwords = x\nwords = y\n", "FILE:3: words: given twice");
    refused("[cause a]\nwords = x\n\n[cause a]\nwords = y\n", "FILE:4: [cause a] stands in line 1 already");
    refused("[cause a b]\n", "FILE:1: [cause a b]: the name needs letters, digits and ._/- (at most 64)");
    refused("[weather]\nx = y\n",
            "FILE:1: [weather]: no such section: [cause NAME], [runbook FILE], [words] or [table]");
    refused("x = y\n", "FILE:1: an entry stands before the first [section]");
    refused("[cause a]\nwords = x\nrunbook = none.md\n", "FILE:1: [cause a]: there is no section [runbook none.md]");
    refused("[cause a]\nwords = x\nscenario = 2\n", "FILE:1: [cause a]: it has a scenario and no runbook");
    refused("[cause a]\nwords = x\nrunbook = iceberg-offload-lag.md\nscenario = 9\n",
            "FILE:1: [cause a]: [runbook iceberg-offload-lag.md] has no scenario 9");
    refused("[cause a]\nwords = x\ntext = %{nobody}\n", "FILE:3: text: there is no word 'nobody'");
    refused("[cause a]\nwords = x\ntext = !y\n", "FILE:3: text: it only says what must not be there");
    refused("[cause a]\nwords = x\ntext = a && b && c && d && e\n", "FILE:3: text: more than 4 conditions");
    refused("[cause a]\nwords = x\ntext = a &&  && b\n", "FILE:3: text: an empty condition");
    refused("[cause a]\nwords = x\ntext = (?<who>x)\n", "FILE:3: text: unknown group \"who\"");
    refused("[cause a]\nwords = x\ntext = (*LIMIT_MATCH=1)x\n",
            "FILE:3: text: it may not set limits of its own, such as \"(*LIMIT_MATCH=1)\"");
    refused("[cause a]\nwords = x\nexit_code = -1\n", "FILE:3: exit_code: -1 stands for an exit code that nobody told");
    refused("[cause a]\nwords = x\nexit_code = 1000\n", "FILE:3: exit_code: '1000' is no number from -255 to 255");
    refused("[cause a]\nwords = x\nkind = weather\n", "FILE:3: kind: there is no kind of incident 'weather'");
    refused("[cause a]\nwords = x\ntimed_out = maybe\n", "FILE:3: timed_out: 'maybe' is neither yes nor no");
    refused("[runbook x.md]\nscenario = Title\n", "FILE:2: scenario: '' is no number from 1 to 999");
    refused("[runbook x.md]\nscenario = 1\n", "FILE:2: scenario: needs a number and a title");
    refused("[table]\nbuiltin = perhaps\n", "FILE:2: builtin: 'perhaps' is neither yes nor no");
    refused("[table]\nrows = 3\n", "FILE:2: rows: no such key of the table");
    refused("[cause a]\nwords\n", "FILE:2: neither a [section] nor a key = value");
}

static void a_file_that_is_not_there_is_an_error(void **unused)
{
    (void)unused;
    char path[] = "/nonexistent/causes.conf";
    struct config config = { .runbooks_file = path };
    struct strbuf error = { 0 };
    assert_null(config_causes(&config, &error));
    assert_string_equal(strbuf_text(&error), "/nonexistent/causes.conf: No such file or directory");
    strbuf_free(&error);
}

static void budgets_hold(void **unused)
{
    (void)unused;
    struct strbuf text = { 0 }, expected = { 0 }, long_words = { 0 };
    for (int i = 0; i < CAUSE_VALUE_MAX_BYTES; i++)
        strbuf_puts(&long_words, "x");
    strbuf_printf(&text, "[cause a]\nwords = %s\n", long_words.at);
    causes_free(good_causes(text.at));
    strbuf_clear(&text);
    strbuf_printf(&text, "[cause a]\nwords = %sx\n", long_words.at);
    strbuf_printf(&expected, "FILE:2: words: longer than %d bytes\nFILE:1: [cause a]: it has no words",
                  CAUSE_VALUE_MAX_BYTES);
    struct strbuf error = { 0 };
    assert_null(causes_with(text.at, &error));
    assert_non_null(strstr(error.at, "FILE:2: words: longer than 500 bytes"));
    strbuf_clear(&error);
    /* Words that grow by each other end at the longest pattern. */
    strbuf_clear(&text);
    strbuf_printf(&text, "[words]\nw0 = %s\n", long_words.at);
    for (int i = 1; i < 8; i++)
        strbuf_printf(&text, "w%d = %%{w%d}%%{w%d}%%{w%d}\n", i, i - 1, i - 1, i - 1);
    assert_null(causes_with(text.at, &error));
    assert_non_null(strstr(error.at, "the pattern is longer than 8192 bytes"));
    strbuf_clear(&error);
    /* More causes than there may be. */
    strbuf_clear(&text);
    for (int i = 0; i < CAUSES_MAX; i++)
        strbuf_printf(&text, "[cause c%d]\nwords = x\n", i);
    assert_null(causes_with(text.at, &error));
    assert_non_null(strstr(error.at, "there are more than 1000 causes"));
    strbuf_free(&error);
    strbuf_free(&text);
    strbuf_free(&expected);
    strbuf_free(&long_words);
}

/* A pattern that would run for ever is given up, by JIT's code and by the interpreter alike, and the rows behind it still count. */
static void a_pattern_that_costs_too_much_is_given_up(void **unused)
{
    (void)unused;
    static const char *const costly[] = { "(?:a+)+$", "(*NO_JIT)(?:a+)+$" };
    char line[2 * CAUSE_TEXT_MAX_BYTES];
    memset(line, 'a', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    memcpy(line + 40, " Connection refused ", 20);
    line[CAUSE_TEXT_MAX_BYTES - 1] = '!';
    for (size_t i = 0; i < 2; i++) {
        struct strbuf text = { 0 };
        strbuf_printf(&text, "[cause a]\nwords = x\ntext = %s\n", costly[i]);
        struct causes *causes = good_causes(text.at);
        assert_string_equal(name_told(causes, line), "clickhouse-guess");
        causes_free(causes);
        strbuf_free(&text);
    }
}

/* What stands behind the first CAUSE_TEXT_MAX_BYTES of a line is not read. */
static void a_long_line_is_read_by_its_beginning(void **unused)
{
    (void)unused;
    char line[CAUSE_TEXT_MAX_BYTES + 100];
    memset(line, ' ', sizeof line);
    memcpy(line, "x", 1);
    strcpy(line + CAUSE_TEXT_MAX_BYTES - 16, "OutOfMemoryError");
    assert_string_equal(name_told(builtin_causes(), line), "spark-memory");
    memset(line, ' ', CAUSE_TEXT_MAX_BYTES);
    memcpy(line, "x", 1);
    strcpy(line + CAUSE_TEXT_MAX_BYTES - 10, "OutOfMemoryError");
    assert_string_equal(name_told(builtin_causes(), line), "failures-unexplained");
}

/* What a probe explains must be in the table, and its words must stand alone. */
static void a_probes_cause_is_one_of_the_table(void **unused)
{
    (void)unused;
    static const char *const wrong[][2] = {
        { "nobody", "is not in the table of causes" },
        { "lag", "tells no cause" },
        { "excerpt-is-banner", "tells no cause" },
        { "other-unreachable", "leaves open what a text would fill in" },
    };
    char name[] = "ch", place[] = "agent.conf:7", cause[40];
    struct probe_config probe = { .name = name, .cause = cause, .cause_place = place };
    struct config config = { .probes = &probe, .probe_count = 1 };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct strbuf error = { 0 }, expected = { 0 };
        strcpy(cause, wrong[i][0]);
        strbuf_printf(&expected, "agent.conf:7: probe ch.cause: '%s' %s", wrong[i][0], wrong[i][1]);
        assert_null(config_causes(&config, &error));
        assert_string_equal(strbuf_text(&error), expected.at);
        strbuf_free(&error);
        strbuf_free(&expected);
    }
    struct strbuf error = { 0 };
    strcpy(cause, "spark-memory");
    struct causes *causes = config_causes(&config, &error);
    assert_non_null(causes);
    causes_free(causes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_text_points_at_its_cause),
        cmocka_unit_test(what_a_row_says_is_whole),
        cmocka_unit_test(each_kind_of_incident_has_a_row),
        cmocka_unit_test(probes_are_known_by_their_names),
        cmocka_unit_test(a_file_adds_causes_before_the_built_in_ones),
        cmocka_unit_test(a_section_of_the_same_name_replaces_the_built_in_one),
        cmocka_unit_test(the_built_in_causes_can_be_left_out),
        cmocka_unit_test(errors_name_their_lines),
        cmocka_unit_test(a_file_that_is_not_there_is_an_error),
        cmocka_unit_test(budgets_hold),
        cmocka_unit_test(a_pattern_that_costs_too_much_is_given_up),
        cmocka_unit_test(a_long_line_is_read_by_its_beginning),
        cmocka_unit_test(a_probes_cause_is_one_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
