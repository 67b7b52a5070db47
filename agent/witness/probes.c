/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "witness.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mask.h"
#include "http_question.h"
#include "probe_private.h"

enum { METRICS_TIMEOUT_MS = 3000, POLL_MS = 1000 };

static const char docker_socket[] = "/var/run/docker.sock";

struct probe {
    struct probe_answer answer;
    char *name;
    char *url;    /* what libcurl is given */
    char *socket; /* the Unix socket to ask through, or NULL */
    int64_t timeout_ms;
    bool unaskable; /* its answer is known without asking */
    CURL *easy;
    struct http_answer got;
};

struct probes {
    struct probe *all;
    size_t count;
    CURLM *multi;
    atomic_bool stopped;
};

char *docker_socket_path(void)
{
    static const char scheme[] = "unix://";
    const char *host = getenv("DOCKER_HOST");
    if (!host || !*host)
        return must_copy(docker_socket, strlen(docker_socket));
    return strncmp(host, scheme, strlen(scheme)) == 0 ? must_copy(host + strlen(scheme), strlen(host) - strlen(scheme))
                                                      : NULL;
}

static void probe_aim_at_container(struct probe *probe, const char *container)
{
    struct strbuf url = { 0 };
    char *escaped = curl_easy_escape(NULL, container, 0);
    strbuf_printf(&url, "http://localhost/containers/%s/json", escaped ? escaped : "");
    curl_free(escaped);
    probe->url = url.at;
    probe->socket = docker_socket_path();
    probe->unaskable = !probe->socket;
    if (probe->unaskable)
        strbuf_puts(&probe->answer.words, "DOCKER_HOST is not a Unix socket");
    probe->answer.kind = PROBE_CONTAINER;
    probe->answer.target = must_copy(container, strlen(container));
}

/* libcurl has no tcp:// scheme. An HTTP request that ends as soon as it is connected does the same. */
static void probe_aim_at_url(struct probe *probe, const char *text)
{
    static const char tcp[] = "tcp://";
    struct strbuf masked = { 0 }, url = { 0 };
    bool is_tcp = strncmp(text, tcp, strlen(tcp)) == 0;
    strbuf_printf(&url, "%s%s", is_tcp ? "http://" : "", is_tcp ? text + strlen(tcp) : text);
    mask_url(text, &masked);
    probe->url = url.at;
    probe->answer.kind = is_tcp ? PROBE_TCP : PROBE_HTTP;
    probe->answer.target = masked.at;
}

static struct probe *probe_add(struct probes *probes, const char *name, int64_t timeout_ms)
{
    struct probe *probe = &probes->all[probes->count++];
    probe->name = must_copy(name, strlen(name));
    probe->answer.name = probe->name;
    probe->timeout_ms = timeout_ms;
    return probe;
}

struct probes *probes_open(const struct config *config)
{
    if (config->probe_count == 0 && !config->metrics_url)
        return NULL;
    struct probes *probes = must_alloc(sizeof *probes);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    probes->all = must_alloc((config->probe_count + 1) * sizeof *probes->all);
    probes->multi = curl_multi_init();
#if LIBCURL_VERSION_NUM >= 0x081400
    /* Without this the cleanup of the multi handle would wait for a name server that does not answer. */
    if (probes->multi)
        curl_multi_setopt(probes->multi, CURLMOPT_QUICK_EXIT, 1L);
#endif
    for (size_t i = 0; i < config->probe_count; i++) {
        const struct probe_config *wanted = &config->probes[i];
        struct probe *probe = probe_add(probes, wanted->name, wanted->timeout_ms);
        probe->answer.cause = wanted->cause ? must_copy(wanted->cause, strlen(wanted->cause)) : NULL;
        if (wanted->container)
            probe_aim_at_container(probe, wanted->container);
        else
            probe_aim_at_url(probe, wanted->url);
    }
    if (config->metrics_url) {
        struct probe *page = probe_add(probes, METRICS_PAGE, METRICS_TIMEOUT_MS);
        probe_aim_at_url(page, config->metrics_url);
        page->answer.kind = PROBE_METRICS;
    }
    return probes;
}

static void answer_forget_metrics(struct probe_answer *answer)
{
    for (size_t i = 0; i < answer->metric_count; i++)
        free(answer->metrics[i].table);
    free(answer->metrics);
    answer->metrics = NULL;
    answer->metric_count = 0;
}

void probes_close(struct probes *probes)
{
    if (!probes)
        return;
    for (size_t i = 0; i < probes->count; i++) {
        struct probe *probe = &probes->all[i];
        answer_forget_metrics(&probe->answer);
        free(probe->answer.cause);
        free(probe->answer.target);
        strbuf_free(&probe->answer.words);
        strbuf_free(&probe->got.body);
        free(probe->name);
        free(probe->url);
        free(probe->socket);
    }
    curl_multi_cleanup(probes->multi);
    free(probes->all);
    free(probes);
    curl_global_cleanup();
}

static void probe_prepare(struct probe *probe)
{
    CURL *easy = probe->easy;
    http_question_prepare(easy, probe->url, probe->timeout_ms, &probe->got);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, probe);
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, probe->answer.kind == PROBE_TCP ? 1L : 0L);
    if (probe->socket)
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, probe->socket);
}

static void probe_begin(struct probes *probes, struct probe *probe)
{
    if (probe->unaskable)
        return;
    /* The HTTP status says enough about a component. Docker's answers and metrics pages are read. */
    probe->got = (struct http_answer){ .heads_only = probe->answer.kind == PROBE_HTTP };
    answer_forget_metrics(&probe->answer);
    probe->answer.state = PROBE_UNKNOWN;
    strbuf_clear(&probe->answer.words);
    strbuf_puts(&probe->answer.words, "not asked");
    probe->easy = curl_easy_init();
    if (!probe->easy)
        return;
    probe_prepare(probe);
    curl_multi_add_handle(probes->multi, probe->easy);
}

static void probe_finish(struct probe *probe, CURLcode code)
{
    struct probe_outcome outcome = {
        .code = code,
        .timeout_ms = probe->timeout_ms,
        .cut = probe->got.is_cut,
        .body = strbuf_slice(&probe->got.body),
        .now_ms = clock_now_ms(),
    };
    curl_off_t took_us = 0;
    curl_easy_getinfo(probe->easy, CURLINFO_RESPONSE_CODE, &outcome.http_status);
    curl_easy_getinfo(probe->easy, CURLINFO_OS_ERRNO, &outcome.os_error);
    curl_easy_getinfo(probe->easy, CURLINFO_TOTAL_TIME_T, &took_us);
    probe->answer.took_ms = took_us / 1000;
    probe_judge(&probe->answer, &outcome);
}

static void probes_take_finished(struct probes *probes)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(probes->multi, &left)) != NULL) {
        struct probe *probe = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&probe);
        if (message->msg == CURLMSG_DONE)
            probe_finish(probe, message->data.result);
    }
}

void probes_ask(struct probes *probes)
{
    int running = 1;
    for (size_t i = 0; i < probes->count; i++)
        probe_begin(probes, &probes->all[i]);
    while (running > 0 && !atomic_load(&probes->stopped) && curl_multi_perform(probes->multi, &running) == CURLM_OK) {
        probes_take_finished(probes);
        if (running > 0)
            curl_multi_poll(probes->multi, NULL, 0, POLL_MS, NULL);
    }
    for (size_t i = 0; i < probes->count; i++) {
        struct probe *probe = &probes->all[i];
        if (!probe->easy)
            continue;
        curl_multi_remove_handle(probes->multi, probe->easy);
        curl_easy_cleanup(probe->easy);
        probe->easy = NULL;
        strbuf_free(&probe->got.body);
    }
}

void probes_stop(struct probes *probes)
{
    atomic_store(&probes->stopped, true);
    curl_multi_wakeup(probes->multi);
}

size_t probes_count(const struct probes *probes)
{
    return probes ? probes->count : 0;
}

const struct probe_answer *probes_answer(const struct probes *probes, size_t index)
{
    return &probes->all[index].answer;
}

const char *probe_state_name(enum probe_state state)
{
    static const char *const names[] = { [PROBE_UNKNOWN] = "unknown", [PROBE_UP] = "up", [PROBE_DOWN] = "down" };
    return names[state];
}
