/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "told_as.h"

#include <stdlib.h>
#include <string.h>

#include "base/archive.h"

static void told_as_set(char **place, const char *text)
{
    free(*place);
    *place = must_copy(text, strlen(text));
}

static void told_as_archive(struct told_as *told_as, struct archive *archive)
{
    archive_text(archive, "host", &told_as->host);
    archive_text(archive, "log_path", &told_as->log_path);
}

static bool told_as_load(struct told_as *told_as, struct history *history)
{
    struct archive archive;
    struct strbuf text = { 0 };
    if (history_get_state(history, STATE_ORIGIN, &text)) {
        archive_load_from(&archive, strbuf_slice(&text));
        told_as_archive(told_as, &archive);
    }
    strbuf_free(&text);
    return told_as->host && told_as->log_path;
}

static void told_as_save(struct told_as *told_as, struct history *history)
{
    struct archive archive;
    struct strbuf text = { 0 };
    archive_save_to(&archive, &text);
    told_as_archive(told_as, &archive);
    history_put_state(history, STATE_ORIGIN, strbuf_slice(&text));
    strbuf_free(&text);
}

bool told_as_choose(struct told_as *told_as, struct history *history, const struct config *config)
{
    bool known = told_as_load(told_as, history);
    bool same = known && strcmp(told_as->host, config->host) == 0 && strcmp(told_as->log_path, config->log_path) == 0;
    bool kept = known && !same && !history_settled(history);
    if (!same && !kept) {
        told_as_set(&told_as->host, config->host);
        told_as_set(&told_as->log_path, config->log_path);
        told_as_save(told_as, history);
    }
    return kept;
}

void told_as_free(struct told_as *told_as)
{
    free(told_as->host);
    free(told_as->log_path);
    *told_as = (struct told_as){ 0 };
}
