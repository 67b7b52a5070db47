/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "cause.h"
#include "clip.h"
#include "saved.h"
#include "tables.h"

/* The components that probes see down, and which failures that explains. */

static void component_drop(struct cause_sources *sources, size_t index)
{
    free(sources->down[index].name);
    free(sources->down[index].cause);
    memmove(&sources->down[index], &sources->down[index + 1], (--sources->down_count - index) * sizeof *sources->down);
}

void components_note_other(struct cause_sources *sources, struct slice name)
{
    for (size_t i = sources->down_count; i-- > 0;)
        if (slice_equals(name, sources->down[i].name))
            component_drop(sources, i);
}

/* Beyond COMPONENTS_DOWN_MOST the oldest is forgotten; no configuration has nearly so many probes of one pipeline. */
void components_note_down(struct cause_sources *sources, struct slice name, struct slice cause)
{
    char *kept = clipped_copy(name, CAUSE_VALUE_MAX_BYTES);
    components_note_other(sources, slice_of(kept));
    if (sources->down_count == COMPONENTS_DOWN_MOST)
        component_drop(sources, 0);
    sources->down[sources->down_count++] =
        (struct component){ .name = kept, .cause = clipped_copy(cause, CAUSE_NAME_MAX_BYTES) };
}

void components_forget(struct cause_sources *sources)
{
    while (sources->down_count)
        component_drop(sources, sources->down_count - 1);
}

void components_archive(struct cause_sources *sources, struct archive *archive)
{
    int64_t count = (int64_t)sources->down_count;
    saved_count(archive, "components.down", &count);
    if (!archive_loading(archive)) {
        for (size_t i = 0; i < sources->down_count; i++) {
            archive_text(archive, "component", &sources->down[i].name);
            archive_text(archive, "component.cause", &sources->down[i].cause);
        }
        return;
    }
    components_forget(sources);
    for (int64_t i = 0; i < count && i < COMPONENTS_DOWN_MOST; i++) {
        char *name = NULL, *cause = NULL;
        archive_text(archive, "component", &name);
        archive_text(archive, "component.cause", &cause);
        if (name)
            components_note_down(sources, slice_of(name), slice_of(cause ? cause : ""));
        free(name);
        free(cause);
    }
}

/* The cause that a component's failure is; NULL if it explains none, such as a dashboard's. */
static const struct known_cause *component_cause(struct causes *causes, struct slice name, struct slice cause)
{
    return cause.len ? causes_named(causes, cause) : causes_of_probe(causes, name);
}

static bool is_same_place(const char *scenario, const char *title, const struct known_cause *known)
{
    return title && known->title && strcmp(scenario, known->scenario) == 0;
}

static bool cause_explains(const struct table *table, const struct known_cause *known)
{
    bool is_guess;
    struct cause said = cause_of_failures(table, &is_guess);
    const struct known_cause *about = table->reading->about;
    if (said.id && strcmp(said.id, known->trouble) == 0)
        return true;
    if (!is_guess)
        return is_same_place(said.scenario, said.title, known);
    return !about || strcmp(about->trouble, known->trouble) == 0 || is_same_place(about->scenario, about->title, known);
}

bool component_explains(const struct table *table, struct slice name, struct slice cause)
{
    if (!table->sources || !table->sources->causes)
        return false;
    const struct known_cause *known = component_cause(table->sources->causes, name, cause);
    return known && cause_explains(table, known);
}

const struct known_cause *components_find_cause(const struct table *table)
{
    for (size_t i = table->sources->down_count; i-- > 0;) {
        const struct component *down = &table->sources->down[i];
        const struct known_cause *known =
            component_cause(table->sources->causes, slice_of(down->name), slice_of(down->cause));
        if (known && cause_explains(table, known))
            return known;
    }
    return NULL;
}
