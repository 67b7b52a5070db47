/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "doctor.h"

/* Below these the unit's ProtectHome=yes shows nothing (systemd.exec(5)). */
static const char *const homes[] = { "/home/", "/root/", "/run/user/" };

static bool is_in_a_home(const char *path)
{
    bool found = false;
    for (size_t i = 0; i < sizeof homes / sizeof homes[0]; i++)
        found = found || strncmp(path, homes[i], strlen(homes[i])) == 0;
    return found;
}

struct witness_needs witness_needs_of(const struct config *config)
{
    struct witness_needs needs = { .warehouse = config->iceberg_warehouse };
    for (size_t i = 0; i < config->probe_count; i++)
        needs.docker = needs.docker || config->probes[i].container;
    needs.docker = needs.docker || config->log_container;
    return needs;
}

/* ProtectHome=yes hides even what is bound there; with tmpfs the homes are empty but for that. */
bool drop_in_lines(const struct witness_needs *needs, const char *start, struct strbuf *out)
{
    bool hidden = needs->warehouse && is_in_a_home(needs->warehouse);
    if (!hidden && !needs->docker && !needs->container_log)
        return false;
    strbuf_printf(out, "%s[Service]", start);
    if (hidden)
        strbuf_printf(out, "%sProtectHome=tmpfs%sBindReadOnlyPaths=\"%s\"", start, start, needs->warehouse);
    if (needs->docker)
        strbuf_printf(out, "%sSupplementaryGroups=docker", start);
    if (needs->container_log)
        strbuf_printf(out, "%sAmbientCapabilities=CAP_DAC_READ_SEARCH%sCapabilityBoundingSet=CAP_DAC_READ_SEARCH",
                      start, start);
    return true;
}
