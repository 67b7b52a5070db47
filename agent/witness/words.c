/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "witness.h"

const char *witness_state_name(enum witness_state state)
{
    static const char *const names[] = {
        [WITNESS_SILENT] = "silent", [WITNESS_WELL] = "well", [WITNESS_TROUBLE] = "trouble"
    };
    return names[state];
}

void witness_names(const struct config *config, void (*name)(void *ctx, const char *name), void *ctx)
{
    if (config->iceberg_warehouse)
        name(ctx, "iceberg");
    if (config->source_url)
        name(ctx, "source");
    if (config->watermark_dsn || config->watermark_service)
        name(ctx, "watermark");
    if (config->prefect_url)
        name(ctx, "prefect");
    if (config->log_container)
        name(ctx, WITNESS_CONTAINER);
    for (size_t i = 0; i < config->probe_count; i++)
        name(ctx, config->probes[i].name);
    if (config->metrics_url)
        name(ctx, METRICS_PAGE);
    /* The host needs no configuration, nor does a unit of the usual name, which may not be there. */
    if (config->scheduler_unit && *config->scheduler_unit && strcmp(config->scheduler_unit, UNIT_DEFAULT_NAME) != 0)
        name(ctx, "unit");
}
