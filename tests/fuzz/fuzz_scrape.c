/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/witness/probe_private.h"
#include "fuzz.h"

/* Any bytes as a metrics page, or, where they begin like it, as Docker's words on a container. */
static void check_page(struct slice text)
{
    struct probe_answer page = { .kind = PROBE_METRICS };
    size_t lines = 1;
    for (size_t i = 0; i < text.len; i++)
        lines += text.at[i] == '\n';
    must(metrics_page_read(&page, text) <= lines && page.metric_count <= lines);
    for (size_t i = 0; i < page.metric_count; i++) {
        must(page.metrics[i].lag_ms >= -1 && page.metrics[i].watermark_ms >= 0);
        for (size_t j = 0; j < i; j++)
            must(strcmp(page.metrics[i].table, page.metrics[j].table) != 0);
    }
    for (size_t i = 0; i < page.metric_count; i++)
        free(page.metrics[i].table);
    free(page.metrics);
}

static void check_container(struct slice text)
{
    struct probe_answer container = { .kind = PROBE_CONTAINER, .restarts = 3, .restarts_known = true };
    docker_judge(&container, text, INT64_C(1772000000000));
    must(container.words.len > 0 && container.words.len < 400);
    strbuf_free(&container.words);
}

static void read_answer(struct slice text)
{
    struct probe_answer answer = { .kind = PROBE_METRICS };
    if (text.len > 0 && text.at[0] == '{')
        docker_judge(&answer, text, 0);
    else
        metrics_page_read(&answer, text);
    for (size_t i = 0; i < answer.metric_count; i++)
        free(answer.metrics[i].table);
    free(answer.metrics);
    strbuf_free(&answer.words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = { (const char *)data, size };
    fuzz_cost(read_answer, text);
    if (size > 0 && data[0] == '{')
        check_container(text);
    else
        check_page(text);
    return 0;
}
