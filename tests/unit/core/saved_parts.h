/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_SAVED_PARTS_H
#define TESTS_SAVED_PARTS_H

#include "engine.h"

/* The saved state of an engine by part, as the history keeps it. */
struct saved_parts {
    struct strbuf texts[ENGINE_TEXTS];
    struct saved_part {
        enum engine_part part;
        int64_t number;
        struct strbuf text;
    } * at; /* in the order of kinds and numbers */
    size_t count;
};

/* Saves what the engine says that changed. */
void saved_parts_save(struct saved_parts *parts, struct engine *engine);
void saved_parts_load(const struct saved_parts *parts, struct engine *engine);
/* The first part of the engine's state that is not as it was saved, with both texts in *words; false if there is none. */
bool saved_parts_differ(const struct saved_parts *parts, struct engine *engine, struct strbuf *words);
void saved_parts_free(struct saved_parts *parts);

#endif
