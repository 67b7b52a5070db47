/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "told_as.h"

#include <stdlib.h>
#include <string.h>

#include "base/archive.h"

static void set_text(char **place, const char *text)
{
    free(*place);
    *place = must_copy(text, strlen(text));
}

static void archive_origin(struct origin *origin, struct archive *archive)
{
    archive_text(archive, "host", &origin->host);
    archive_text(archive, "log_path", &origin->log_path);
}

static bool load(struct origin *origin, struct history *history)
{
    struct archive archive;
    struct strbuf text = { 0 };
    if (history_get_state(history, STATE_ORIGIN, &text)) {
        archive_load_from(&archive, strbuf_slice(&text));
        archive_origin(origin, &archive);
    }
    strbuf_free(&text);
    return origin->host && origin->log_path;
}

static void save(struct origin *origin, struct history *history)
{
    struct archive archive;
    struct strbuf text = { 0 };
    archive_save_to(&archive, &text);
    archive_origin(origin, &archive);
    history_put_state(history, STATE_ORIGIN, strbuf_slice(&text));
    strbuf_free(&text);
}

bool origin_choose(struct origin *origin, struct history *history, const struct config *config)
{
    bool known = load(origin, history);
    bool same = known && strcmp(origin->host, config->host) == 0 && strcmp(origin->log_path, config->log_path) == 0;
    bool kept = known && !same && !history_settled(history);
    if (!same && !kept) {
        set_text(&origin->host, config->host);
        set_text(&origin->log_path, config->log_path);
        save(origin, history);
    }
    return kept;
}

void origin_free(struct origin *origin)
{
    free(origin->host);
    free(origin->log_path);
    *origin = (struct origin){ 0 };
}
