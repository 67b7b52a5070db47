/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/budgets.h"
#include "base/clock.h"
#include "container.h"
#include "container_ask.h"
#include "http_question.h"
#include "probe_private.h"

enum { CONTAINER_TIMEOUT_MS = 3000 };

/* "http://localhost/containers/NAME" and what follows. */
static void container_url(const char *name, const char *rest, struct strbuf *url)
{
    char *escaped = curl_easy_escape(NULL, name, 0);
    strbuf_printf(url, "http://localhost/containers/%s%s", escaped ? escaped : "", rest);
    curl_free(escaped);
}

static void ask_judge(const struct http_answer *answer, CURLcode code, CURL *easy, struct container_facts *facts)
{
    long status = 0, os_error = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_error);
    if (code == CURLE_OK && status == 200 && container_facts_read(strbuf_slice(&answer->body), clock_now_ms(), facts))
        return;
    facts->state = code == CURLE_OK && status == 404 ? CONTAINER_MISSING : CONTAINER_UNKNOWN;
    if (facts->state == CONTAINER_MISSING)
        strbuf_puts(&facts->words, "Docker knows no such container");
    else if (code != CURLE_OK)
        strbuf_printf(&facts->words, "Docker cannot be asked: %s",
                      answer->is_cut ? "its answer is too long"
                      : os_error     ? strerror((int)os_error)
                                     : curl_easy_strerror(code));
    else if (status != 200)
        strbuf_printf(&facts->words, "Docker cannot be asked: it answers HTTP %ld", status);
    else
        strbuf_puts(&facts->words, "Docker cannot be asked: an answer that is not Docker's");
}

void container_look(const char *socket, const char *name, struct container_facts *facts)
{
    struct http_answer answer = { .most_bytes = CONTAINER_ANSWER_MAX_BYTES };
    struct strbuf url = { 0 };
    CURL *easy = curl_easy_init();
    *facts = (struct container_facts){ 0 };
    if (!socket || !easy) {
        strbuf_puts(&facts->words, "Docker cannot be asked: DOCKER_HOST is not a Unix socket");
    } else {
        container_url(name, "/json", &url);
        http_question_prepare(easy, strbuf_text(&url), CONTAINER_TIMEOUT_MS, &answer);
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, socket);
        ask_judge(&answer, curl_easy_perform(easy), easy, facts);
    }
    curl_easy_cleanup(easy);
    strbuf_free(&answer.body);
    strbuf_free(&url);
}

CURL *container_request(const char *socket, const char *url,
                        size_t (*take)(char *bytes, size_t size, size_t count, void *user), void *user)
{
    CURL *easy = curl_easy_init();
    if (!easy)
        return NULL;
    struct http_answer ignored = { 0 };
    http_question_prepare(easy, url, 0, &ignored); /* a stream lasts: only connecting has a limit */
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONTAINER_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, socket);
    curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, NULL);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, NULL);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, user);
    return easy;
}

void container_logs_url(const char *id, const char *since, struct strbuf *url)
{
    container_url(id, "/logs?follow=1&stdout=1&stderr=1&timestamps=1", url);
    if (*since)
        strbuf_printf(url, "&since=%s", since);
}

/* Docker's filters are JSON; a name that is no container's cannot break out of it, since all but letters and digits is escaped. */
void container_events_url(const char *name, struct strbuf *url)
{
    struct strbuf filters = { 0 };
    strbuf_printf(&filters, "{\"type\":[\"container\"],\"container\":[\"%s\"]}", name);
    char *escaped = curl_easy_escape(NULL, strbuf_text(&filters), 0);
    strbuf_printf(url, "http://localhost/events?filters=%s", escaped ? escaped : "");
    curl_free(escaped);
    strbuf_free(&filters);
}

void container_told_free(struct container_told *told)
{
    strbuf_free(&told->words);
    strbuf_free(&told->path);
    *told = (struct container_told){ 0 };
}

bool container_ask(const char *name, struct container_told *told)
{
    char *socket = docker_socket_path();
    struct container_facts facts;
    container_look(socket, name, &facts);
    told->state = facts.state;
    strbuf_puts(&told->words, strbuf_text(&facts.words));
    strbuf_puts(&told->path, facts.log_path ? facts.log_path : "");
    container_facts_free(&facts);
    free(socket);
    return told->state != CONTAINER_UNKNOWN;
}

char *container_spool_path(const struct config *config)
{
    const char *slash = strrchr(config->history_db, '/');
    struct strbuf path = { 0 };
    strbuf_add(&path, config->history_db, slash ? (size_t)(slash - config->history_db) + 1 : 0);
    strbuf_puts(&path, "container.log");
    return path.at;
}
