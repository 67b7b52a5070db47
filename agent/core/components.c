/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine_private.h"

#include <stdlib.h>
#include <string.h>

/* What probes say of the components that the offload needs. */

enum { NAME_MOST = 128 };

/* Names that people give a component, and the runbooks' scenarios of its failures. The first that fits is it. */
static const struct component {
    const char *word;
    const char *scenarios; /* blank-separated, or "" where no failure speaks of it */
} components[] = {
    { "clickhouse", "1/2" },     { "spark", "1/3" }, { "postgres", "1/4 4/2" },
    { "prefect-db", "1/4 4/2" }, { "prefect", "" },
};

static const struct component *component_named(struct slice name)
{
    char text[NAME_MOST];
    size_t len = name.len < sizeof text - 1 ? name.len : sizeof text - 1;
    memcpy(text, name.len ? name.at : "", len);
    text[len] = '\0';
    for (size_t i = 0; i < sizeof components / sizeof components[0]; i++)
        if (strcasestr(text, components[i].word))
            return &components[i];
    return NULL;
}

static bool any_names(const char *scenario)
{
    for (size_t i = 0; i < sizeof components / sizeof components[0]; i++)
        if (strstr(components[i].scenarios, scenario))
            return true;
    return false;
}

/* Unless the failures speak of one component and the probe of another. */
bool witness_explains(struct slice name, const char *scenario)
{
    const struct component *component = component_named(name);
    if (!component || !scenario || !strchr(scenario, '/') || !any_names(scenario))
        return true;
    return strstr(component->scenarios, scenario) != NULL;
}

void witness_note(struct engine *engine, const struct event *event)
{
    const struct pool *pool = &engine->pool;
    char *words = must_copy(event->line.len ? event->line.at : "", event->line.len);
    for (size_t i = 0; i < pool->count; i++) {
        struct tracked *tracked = pool->incidents[i];
        if (tracked->facts.open && tracked->facts.id >= event->number)
            pool_note(engine, tracked, "probe", words);
    }
    free(words);
}
