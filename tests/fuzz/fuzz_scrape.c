/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "agent/shell/probe_parts.h"

/* Any bytes as a metrics page, and as Docker's words on a container. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = { (const char *)data, size };
    struct probe_answer page = { .kind = PROBE_METRICS }, container = { .kind = PROBE_CONTAINER };
    scrape_read(&page, text);
    docker_judge(&container, text);
    for (size_t i = 0; i < page.metric_count; i++)
        free(page.metrics[i].table);
    free(page.metrics);
    strbuf_free(&container.words);
    return 0;
}
