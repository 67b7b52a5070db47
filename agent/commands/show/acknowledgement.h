/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_SHOW_ACKNOWLEDGEMENT_H
#define COMMANDS_SHOW_ACKNOWLEDGEMENT_H

#include "base/json.h"

/* Puts who acknowledged an incident, when and with which note, into the incident's object; nothing where nobody did (at_ms 0). */
void show_acknowledgement_json(struct json_writer *json, int64_t at_ms, const char *by, const char *note);

#endif
