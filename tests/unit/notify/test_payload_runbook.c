/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "payload_help.h"

/* How the formats name a runbook: by file, number and title, and by a link where the runbooks have an address. */

#define PLACE "iceberg-offload-failure.md, scenario 2: ClickHouse connectivity failure"
#define URL "https://wiki.example.com/runbooks/iceberg-offload-failure.md"

static struct message a_message(void)
{
    static char summary[] = "2 failures in a row", cause[] = "ClickHouse unreachable", scenario[] = "1/2";
    static char runbook[] = "iceberg-offload-failure.md", title[] = "ClickHouse connectivity failure";
    return (struct message){
        .incident_id = 3,
        .sequence = 1,
        .severity = SEVERITY_CRITICAL,
        .time_ms = INT64_C(1772000000000),
        .opened_ms = INT64_C(1772000000000),
        .summary = summary,
        .cause = cause,
        .runbook = runbook,
        .scenario = scenario,
        .title = title,
    };
}

static char *rendered(enum payload_format format, const struct message *message, const char *base)
{
    struct strbuf body = { 0 };
    struct masker *masker = masker_open();
    char *runbook_base = base ? must_copy(base, strlen(base)) : NULL;
    const struct links links = { .runbook_base = runbook_base };
    const struct payload_origin linked = { "host-1", "/tmp/scheduler.log", "1.0", &links };
    const struct webhook_config webhook = webhook_of(format);
    payload_render(masker, &webhook, &linked, &message, 1, PAYLOAD_FULL, message->time_ms, &body);
    masker_close(masker);
    free(runbook_base);
    return body.at;
}

static void assert_renders(enum payload_format format, const struct message *message, const char *base,
                           const char *expected)
{
    char *body = rendered(format, message, base);
    if (!strstr(body, expected))
        fail_msg("%s does not say %s", body, expected);
    free(body);
}

static void assert_renders_no(enum payload_format format, const struct message *message, const char *base,
                              const char *unwanted)
{
    char *body = rendered(format, message, base);
    if (strstr(body, unwanted))
        fail_msg("%s says %s", body, unwanted);
    free(body);
}

static void each_format_links_in_its_own_way(void **unused)
{
    (void)unused;
    static const char *const bases[] = { "https://wiki.example.com/runbooks/", "https://wiki.example.com/runbooks" };
    struct message message = a_message();
    for (size_t i = 0; i < 2; i++) {
        assert_renders(FORMAT_GENERIC, &message, bases[i], "\"runbook_url\":\"" URL "\"");
        assert_renders(FORMAT_ALERTMANAGER, &message, bases[i], "\"runbook_url\":\"" URL "\"");
        assert_renders(FORMAT_PAGERDUTY, &message, bases[i],
                       "\"links\":[{\"href\":\"" URL "\",\"text\":\"" PLACE "\"}]");
        assert_renders(FORMAT_SLACK, &message, bases[i], "*Runbook*\\n<" URL "|" PLACE ">");
    }
}

static void without_an_address_nothing_is_linked(void **unused)
{
    (void)unused;
    struct message message = a_message();
    for (int format = FORMAT_GENERIC; format < PAYLOAD_FORMATS; format++) {
        assert_renders_no((enum payload_format)format, &message, NULL, "runbook_url");
        assert_renders_no((enum payload_format)format, &message, NULL, "\"links\"");
    }
    assert_renders(FORMAT_SLACK, &message, NULL, "*Runbook*\\n" PLACE "\"");
}

/* A name that could break out of a link becomes none. */
static void a_strange_name_is_no_link(void **unused)
{
    (void)unused;
    struct message message = a_message();
    char strange[] = "x|y>.md";
    message.runbook = strange;
    assert_renders_no(FORMAT_PAGERDUTY, &message, "https://wiki.example.com", "\"links\"");
    assert_renders(FORMAT_SLACK, &message, "https://wiki.example.com", "*Runbook*\\nx|y&gt;.md, scenario 2");
}

/* People never see "1/2" or a lone "2". */
static void no_page_shows_a_bare_number(void **unused)
{
    (void)unused;
    struct message message = a_message();
    char lag[] = "2";
    for (int format = FORMAT_GENERIC; format < PAYLOAD_FORMATS; format++) {
        assert_renders_no((enum payload_format)format, &message, NULL, "1/2");
        if (format != FORMAT_EMAIL && format != FORMAT_DISCORD) /* the one folds its lines, the other escapes them */
            assert_renders((enum payload_format)format, &message, NULL, "scenario 2: ClickHouse connectivity failure");
    }
    message.scenario = lag; /* a runbook without a scenario */
    message.title = NULL;
    for (int format = FORMAT_GENERIC; format < PAYLOAD_FORMATS; format++)
        assert_renders_no((enum payload_format)format, &message, NULL, "cenario");
}

static const char *const pages[] = { "https://grafana.example.com/d/x?orgId=1",
                                     "https://agent.example.com/a/incidents/3",
                                     ("https://am.example.com/#/alerts?filter=%7Balertname%3D%22"
                                      "IcebergOffloadConsecutiveFailures%22%2Cincident%3D%223%22%7D") };
static char dashboard[] = "https://grafana.example.com/d/x?orgId=1", serve[] = "https://agent.example.com/a/",
            alertmanager[] = "https://am.example.com", wiki[] = "https://wiki.example.com/r";
static const struct links all_links = { wiki, dashboard, alertmanager, serve };

static char *rendered_with_pages(enum payload_format format, const struct message *message)
{
    struct strbuf body = { 0 };
    struct masker *masker = masker_open();
    const struct payload_origin linked = { "host-1", "/tmp/scheduler.log", "1.0", &all_links };
    const struct webhook_config webhook = webhook_of(format);
    payload_render(masker, &webhook, &linked, &message, 1, PAYLOAD_FULL, message->time_ms, &body);
    masker_close(masker);
    return body.at;
}

static void each_page_is_linked_in_each_format(void **unused)
{
    (void)unused;
    struct message message = a_message();
    for (int format = FORMAT_GENERIC; format < PAYLOAD_FORMATS; format++) {
        if (format == FORMAT_EMAIL) /* its lines are folded; the tests of e-mail read it with a parser */
            continue;
        char *body = rendered_with_pages((enum payload_format)format, &message);
        for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
            if (!strstr(body, pages[i]))
                fail_msg("%s does not link to %s", body, pages[i]);
        free(body);
    }
}

/* The page of the incident itself comes first, and what shows most about it after that. */
static void the_best_page_is_where_the_alert_leads(void **unused)
{
    (void)unused;
    static const struct {
        enum payload_format format;
        const char *link;
    } leads[] = {
        { FORMAT_GENERIC, "\"generatorURL\":\"https://agent.example.com/a/incidents/3\"" },
        { FORMAT_GENERIC, "\"externalURL\":\"https://am.example.com\"" },
        { FORMAT_ALERTMANAGER, "\"generatorURL\":\"https://agent.example.com/a/incidents/3\"" },
        { FORMAT_ALERTMANAGER, "\"description\":\"Runbook: " PLACE },
        { FORMAT_PAGERDUTY, "\"client_url\":\"https://agent.example.com/a/incidents/3\"" },
    };
    struct message message = a_message();
    for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++) {
        char *body = rendered_with_pages(leads[i].format, &message);
        if (!strstr(body, leads[i].link))
            fail_msg("%s does not say %s", body, leads[i].link);
        free(body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_format_links_in_its_own_way),   cmocka_unit_test(without_an_address_nothing_is_linked),
        cmocka_unit_test(a_strange_name_is_no_link),          cmocka_unit_test(no_page_shows_a_bare_number),
        cmocka_unit_test(each_page_is_linked_in_each_format), cmocka_unit_test(the_best_page_is_where_the_alert_leads),
    };
    return zone_set("UTC") ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
