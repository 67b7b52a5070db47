/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "probe_private.h"

static void judge_as(struct probe_answer *answer, enum probe_state state, const char *words)
{
    answer->state = state;
    strbuf_puts(&answer->words, words);
}

/* Docker itself does not answer, or cannot be reached: that says nothing about the container. */
static void judge_no_docker(struct probe_answer *answer, const struct probe_outcome *outcome)
{
    strbuf_puts(&answer->words, "Docker cannot be asked: ");
    judge_as(answer, PROBE_UNKNOWN,
             outcome->os_error ? strerror((int)outcome->os_error) : curl_easy_strerror(outcome->code));
}

/*
 * A component counts as down only if it does what a dead component does: it refuses the connection, does not answer, or closes the
 * connection. A name that cannot be resolved or a certificate that is not trusted may be our own trouble. libcurl's error buffer is
 * not used, since it may repeat the URL.
 */
static void judge_failure(struct probe_answer *answer, const struct probe_outcome *outcome)
{
    switch (outcome->code) {
    case CURLE_COULDNT_CONNECT:
        judge_as(answer, PROBE_DOWN, outcome->os_error ? strerror((int)outcome->os_error) : "cannot connect");
        break;
    case CURLE_OPERATION_TIMEDOUT:
        strbuf_printf(&answer->words, "no answer within %.3g s", (double)outcome->timeout_ms / 1000);
        answer->state = PROBE_DOWN;
        break;
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR: judge_as(answer, PROBE_DOWN, "the connection was closed without an answer"); break;
    case CURLE_COULDNT_RESOLVE_HOST: judge_as(answer, PROBE_UNKNOWN, "its name cannot be resolved"); break;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY: judge_as(answer, PROBE_UNKNOWN, "answers, but not in HTTP"); break;
    default: judge_as(answer, PROBE_UNKNOWN, curl_easy_strerror(outcome->code)); break;
    }
}

static void judge_container(struct probe_answer *answer, const struct probe_outcome *outcome)
{
    if (outcome->cut)
        judge_as(answer, PROBE_UNKNOWN, "Docker's answer is too long");
    else if (outcome->code != CURLE_OK)
        judge_no_docker(answer, outcome);
    else if (outcome->http_status == 404)
        judge_as(answer, PROBE_DOWN, "no such container");
    else if (outcome->http_status != 200)
        strbuf_printf(&answer->words, "Docker answers HTTP %ld", outcome->http_status);
    else
        docker_judge(answer, outcome->body, outcome->now_ms);
}

/* The last line of a page that was cut is no whole one. */
static struct slice whole_lines(const struct probe_outcome *outcome)
{
    struct slice page = outcome->body;
    while (outcome->cut && page.len > 0 && page.at[page.len - 1] != '\n')
        page.len--;
    return page;
}

static void judge_metrics(struct probe_answer *answer, const struct probe_outcome *outcome)
{
    strbuf_printf(&answer->words, "HTTP %ld", outcome->http_status);
    if (outcome->http_status >= 500)
        answer->state = PROBE_DOWN;
    else if (outcome->http_status == 200 && metrics_page_read(answer, whole_lines(outcome)) == 0)
        judge_as(answer, PROBE_UNKNOWN, ", but no metrics");
    else if (outcome->http_status == 200)
        judge_as(answer, PROBE_UP, outcome->cut ? ", and only the beginning of the page was read: it is too long" : "");
}

void probe_judge(struct probe_answer *answer, const struct probe_outcome *outcome)
{
    bool answered = outcome->code == CURLE_OK || outcome->cut;
    answer->state = PROBE_UNKNOWN;
    strbuf_clear(&answer->words);
    if (answer->kind == PROBE_CONTAINER) {
        judge_container(answer, outcome);
    } else if (!answered) {
        judge_failure(answer, outcome);
    } else if (answer->kind == PROBE_METRICS) {
        judge_metrics(answer, outcome);
    } else if (answer->kind == PROBE_TCP) {
        judge_as(answer, PROBE_UP, "accepts connections");
    } else {
        strbuf_printf(&answer->words, "HTTP %ld", outcome->http_status);
        answer->state = outcome->http_status >= 500 ? PROBE_DOWN : PROBE_UP;
    }
}
