/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "help_alerts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "agent/commands/show/terminal.h"
#include "alerts.h"
#include "base/say.h"
#include "causes.h"
#include "config.h"
#include "config_keys.h"
#include "durations.h"
#include "options.h"

/* An entry with its placeholders filled in. */
struct alert_words {
    struct strbuf means, warning_when, critical_when;
    struct strbuf keys; /* that its texts name: "detect.cycle_slow, detect.cycle_too_slow" */
    const char *first_command;
};

static void words_free(struct alert_words *words)
{
    strbuf_free(&words->means);
    strbuf_free(&words->warning_when);
    strbuf_free(&words->critical_when);
    strbuf_free(&words->keys);
}

static const struct config_key *key_find(struct slice name)
{
    size_t count;
    const struct config_key *keys = config_keys(&count);
    for (size_t i = 0; i < count; i++) {
        size_t section = strlen(keys[i].section);
        if (name.len > section && memcmp(name.at, keys[i].section, section) == 0 && name.at[section] == '.' &&
            slice_equals((struct slice){ name.at + section + 1, name.len - section - 1 }, keys[i].name))
            return &keys[i];
    }
    return NULL;
}

/* "5m" for a duration; where 0 is the default, what that means. */
static void alert_put_default(const struct config_key *key, struct strbuf *out)
{
    static const char ZERO[] = "0 means ";
    int64_t ms;
    if (key->type == CONFIG_PERIOD_OR_ZERO && key->otherwise && strcmp(key->initial, "0") == 0)
        strbuf_puts(out, key->otherwise + (strncmp(key->otherwise, ZERO, strlen(ZERO)) == 0 ? strlen(ZERO) : 0));
    else if ((key->type == CONFIG_PERIOD || key->type == CONFIG_PERIOD_OR_ZERO) && duration_parse(key->initial, &ms))
        duration_text(ms, out);
    else
        strbuf_puts(out, key->initial);
}

static void note_key(struct slice name, struct strbuf *keys)
{
    char *copy = must_copy(name.at, name.len);
    if (!strstr(strbuf_text(keys), copy))
        strbuf_printf(keys, "%s%s", keys->len ? ", " : "", copy);
    free(copy);
}

static void fill_in(const char *text, struct strbuf *out, struct strbuf *keys)
{
    const char *open;
    while (text && (open = strchr(text, '{'))) {
        struct slice name = { open + 1, strcspn(open + 1, "}") };
        const struct config_key *key = key_find(name);
        strbuf_add(out, text, (size_t)(open - text));
        if (key)
            alert_put_default(key, out);
        else
            strbuf_add(out, open, name.len + 2); /* a test holds that there is none */
        note_key(name, keys);
        text = name.at + name.len + 1;
    }
    strbuf_puts(out, text ? text : "");
}

static struct alert_words words_of(const struct alert_entry *entry, const struct causes *causes)
{
    const struct known_cause *known = entry->first_kind ? causes_of_kind(causes, entry->first_kind) : NULL;
    struct alert_words words = { .first_command = known ? known->first_command : entry->first_command };
    fill_in(entry->means, &words.means, &words.keys);
    fill_in(entry->warning_when, &words.warning_when, &words.keys);
    fill_in(entry->critical_when, &words.critical_when, &words.keys);
    return words;
}

/* --- as text ------------------------------------------------------------------------------------------------- */

enum { LABEL_COLUMNS = 12, COMMAND_INDENT = 4 };

static void alert_put_row(const struct terminal *terminal, const char *label, const char *text, struct strbuf *out)
{
    strbuf_printf(out, "  %-*s", LABEL_COLUMNS - 2, label);
    terminal_wrap(terminal, out, TONE_PLAIN, text, LABEL_COLUMNS, LABEL_COLUMNS);
}

/* The length of the first word of a command. What stands in quotes is one word with what it touches. */
static size_t word_length(const char *command)
{
    size_t len = 0;
    for (char quote = '\0'; command[len] && (quote || command[len] != ' '); len++)
        if (quote ? command[len] == quote : command[len] == '"' || command[len] == '\'')
            quote = quote ? '\0' : command[len];
    return len;
}

/* Behind these the shell reads on in the next line, or begins a new command there. */
static bool line_may_end(const char *end)
{
    return end[-1] == ';' || end[-1] == '|' || end[-1] == '&';
}

/* Wraps the command so that it can still be copied into a shell as it stands. */
static void alert_put_command(const struct terminal *terminal, const char *command, struct strbuf *out)
{
    int room = terminal->width - COMMAND_INDENT - 2, column = 0;
    terminal_spaces(out, COMMAND_INDENT);
    while (*command) {
        size_t len = word_length(command);
        if (column > 0 && column + 1 + (int)len > room) {
            strbuf_puts(out, line_may_end(command - 1) ? "\n" : " \\\n");
            terminal_spaces(out, COMMAND_INDENT);
            column = 0;
        }
        strbuf_puts(out, column > 0 ? " " : "");
        strbuf_add(out, command, len);
        column += (int)len + (column > 0);
        command += len;
        command += strspn(command, " ");
    }
    strbuf_puts(out, "\n");
}

static void alert_put_names(const struct terminal *terminal, const struct alert_entry *entry, struct strbuf *out)
{
    strbuf_puts(out, "\n");
    terminal_say(terminal, out, TONE_BOLD, alert_name(entry->warning));
    if (entry->critical != entry->warning) {
        strbuf_puts(out, ", ");
        terminal_say(terminal, out, TONE_BOLD, alert_name(entry->critical));
    }
    strbuf_puts(out, "\n");
}

static void alert_put_sentence(const struct terminal *terminal, const char *clause, struct strbuf *out)
{
    struct strbuf sentence = { 0 };
    strbuf_printf(&sentence, "%c%s.", toupper((unsigned char)*clause), clause + 1);
    terminal_spaces(out, 2);
    terminal_wrap(terminal, out, TONE_PLAIN, sentence.at, 2, 2);
    strbuf_free(&sentence);
}

static void alert_put_runbook(const struct terminal *terminal, enum alert alert, struct strbuf *out)
{
    struct strbuf text = { 0 };
    if (!alert_runbook(alert))
        return;
    strbuf_printf(&text, "%s, which expects a recovery within ", alert_runbook(alert));
    duration_text(alert_recovery_ms(alert), &text);
    alert_put_row(terminal, "runbook", text.at, out);
    strbuf_free(&text);
}

static void alert_put_entry(const struct terminal *terminal, const struct alert_entry *entry,
                            const struct causes *causes, struct strbuf *out)
{
    struct alert_words words = words_of(entry, causes);
    alert_put_names(terminal, entry, out);
    alert_put_sentence(terminal, words.means.at, out);
    alert_put_row(terminal, "warning", words.warning_when.at, out);
    alert_put_row(terminal, "critical", words.critical_when.len ? words.critical_when.at : "never", out);
    if (words.keys.len)
        alert_put_row(terminal, "keys", words.keys.at, out);
    alert_put_runbook(terminal, entry->warning, out);
    if (words.first_command) {
        strbuf_puts(out, "  first command:\n");
        alert_put_command(terminal, words.first_command, out);
    }
    words_free(&words);
}

static struct causes *builtin_causes(void)
{
    struct strbuf error = { 0 };
    struct causes *causes = config_causes(NULL, &error);
    if (!causes)
        say_error("%s", error.at);
    strbuf_free(&error);
    return causes;
}

int help_alerts_print(void)
{
    struct terminal terminal = terminal_detect();
    struct causes *causes = builtin_causes();
    struct strbuf out = { 0 };
    struct alert_entry entry;
    if (!causes)
        return EXIT_FAILED;
    terminal_wrap(
        &terminal, &out, TONE_PLAIN,
        "What is told, with the default of each threshold. `agent check-config --verbose` shows the values in "
        "effect, agent.conf(5) describes the keys. The first command is that for an unknown cause; a "
        "notification names the one for the cause that was found.",
        0, 0);
    for (size_t place = 0; alert_entry(place, &entry); place++)
        alert_put_entry(&terminal, &entry, causes, &out);
    causes_free(causes);
    bool printed = terminal_print(&out);
    strbuf_free(&out);
    return printed ? EXIT_OK : EXIT_FAILED;
}

/* --- as JSON ------------------------------------------------------------------------------------------------- */

static void describe_entry(const struct alert_entry *entry, const struct causes *causes, struct json_writer *json)
{
    struct alert_words words = words_of(entry, causes);
    struct strbuf recovery = { 0 };
    if (alert_runbook(entry->warning))
        duration_text(alert_recovery_ms(entry->warning), &recovery);
    json_open(json, NULL, '{');
    json_put_text(json, "warning", alert_name(entry->warning));
    json_put_text(json, "critical", alert_name(entry->critical));
    json_put_text(json, "means", words.means.at);
    json_put_text(json, "warning_when", words.warning_when.at);
    json_put_text(json, "critical_when", words.critical_when.len ? words.critical_when.at : NULL);
    json_put_text(json, "keys", strbuf_text(&words.keys));
    json_put_text(json, "runbook", alert_runbook(entry->warning));
    json_put_text(json, "recovery", recovery.at);
    json_put_text(json, "first_command", words.first_command);
    json_close(json, '}');
    strbuf_free(&recovery);
    words_free(&words);
}

void help_alerts_describe(struct json_writer *json)
{
    struct causes *causes = builtin_causes();
    struct alert_entry entry;
    json_open(json, "alerts", '[');
    for (size_t place = 0; causes && alert_entry(place, &entry); place++)
        describe_entry(&entry, causes, json);
    json_close(json, ']');
    causes_free(causes);
}
