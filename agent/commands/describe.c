/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "commands.h"

#include <stdio.h>

#include "base/json.h"
#include "config_keys.h"
#include "help_alerts.h"

static void put_options(struct json_writer *json, const struct arguments *arguments)
{
    json_open(json, "options", '[');
    for (size_t i = 0; i < arguments->spec_count; i++) {
        json_open(json, NULL, '{');
        json_put_text(json, "name", arguments->specs[i].name);
        json_put_text(json, "argument", arguments->specs[i].argument);
        json_put_text(json, "help", arguments->specs[i].help);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void put_commands(struct json_writer *json, const struct command *commands, size_t count)
{
    json_open(json, "commands", '[');
    for (size_t i = 0; i < count; i++) {
        json_open(json, NULL, '{');
        json_put_text(json, "name", commands[i].name);
        json_put_text(json, "usage", commands[i].arguments->usage);
        json_put_text(json, "summary", commands[i].summary);
        put_options(json, commands[i].arguments);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void put_keys(struct json_writer *json)
{
    size_t count;
    const struct config_key *keys = config_keys(&count);

    json_open(json, "keys", '[');
    for (size_t i = 0; i < count; i++) {
        json_open(json, NULL, '{');
        json_put_text(json, "section", keys[i].section);
        json_put_bool(json, "named", config_section_named(keys[i].section));
        json_put_text(json, "name", keys[i].name);
        json_put_text(json, "takes", config_type_words(keys[i].type));
        json_put_text(json, "initial", keys[i].initial);
        json_put_text(json, "otherwise", keys[i].otherwise);
        json_put_text(json, "help", keys[i].help);
        json_put_text(json, "reload", config_change_words(keys[i].change));
        json_close(json, '}');
    }
    json_close(json, ']');
}

int describe_print(const struct command *commands, size_t count)
{
    struct strbuf text = { 0 };
    struct json_writer json = { .out = &text, .layout = JSON_INDENTED };

    json_open(&json, NULL, '{');
    json_put_text(&json, "version", AGENT_VERSION);
    put_commands(&json, commands, count);
    put_options(&json, &common_arguments);
    help_alerts_describe(&json);
    put_keys(&json);
    json_close(&json, '}');
    puts(strbuf_text(&text));
    strbuf_free(&text);
    return EXIT_OK;
}
