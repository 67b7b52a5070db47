/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine_private.h"

/* What people ask of a running engine. Deadlines may then lie earlier than they did. */

bool engine_acknowledge(struct engine *engine, const struct acknowledgement *acknowledgement)
{
    bool is_news = incidents_acknowledge(&engine->incidents, acknowledgement);
    if (is_news)
        engine->floor_ms = engine->moment.now_ms;
    return is_news;
}

void engine_silence(struct engine *engine, const struct silences *silences)
{
    engine->announcer.silences = silences;
    announce_all_may_be_due(&engine->announcer);
    engine->floor_ms = engine->moment.now_ms;
}
