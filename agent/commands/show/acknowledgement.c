/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "acknowledgement.h"

void show_acknowledgement_json(struct json_writer *json, int64_t at_ms, const char *by, const char *note)
{
    if (!at_ms)
        return;
    json_open(json, "acknowledgement", '{');
    json_put_time(json, "at", at_ms);
    json_put_text(json, "by", by);
    json_put_text(json, "note", note);
    json_close(json, '}');
}
