/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vocabulary.h"

#include <stdlib.h>

#include "base/budgets.h"
#include "base/utf8.h"
#include "pattern.h"
#include "repeated.h"

enum group {
    GROUP_TABLE,
    GROUP_TEXT,
    GROUP_ROWS,
    GROUP_NUMBER,
    GROUP_SECONDS,
    GROUP_MINUTES,
    GROUP_AT,
    GROUP_SUCCEEDED,
    GROUP_FAILED,
    GROUP_TIMED_OUT,
    GROUP_RUN,
    GROUP_CYCLE,
    GROUP_LAYER,
    GROUPS
};

static const char *const GROUP_NAMES[GROUPS] = {
    [GROUP_TABLE] = "table",     [GROUP_TEXT] = "text",
    [GROUP_ROWS] = "rows",       [GROUP_NUMBER] = "number",
    [GROUP_SECONDS] = "seconds", [GROUP_MINUTES] = "minutes",
    [GROUP_AT] = "at",           [GROUP_SUCCEEDED] = "succeeded",
    [GROUP_FAILED] = "failed",   [GROUP_TIMED_OUT] = "timed_out",
    [GROUP_RUN] = "run",         [GROUP_CYCLE] = "cycle",
    [GROUP_LAYER] = "layer",
};

struct word {
    int kind;
    struct pattern *pattern; /* owned, likewise below */
    char *source;
};

/* The words that a message with a certain first byte may be, in the order added. */
struct shelf {
    const struct word **words;
    size_t count;
    bool is_repeated; /* some of them are said with the same words in each cycle */
};

struct vocabulary {
    struct word **words; /* owned */
    size_t count;
    struct shelf by_first[256];
    struct repeated *repeated; /* owned; REPEATED_KEPT of them */
    bool has_names;
    struct strbuf name;               /* of a table, if it had to be cleaned */
    struct timestamp_reader promises; /* a reader of its own, so that the records' reader keeps its cached hour */
};

struct vocabulary *vocabulary_new(void)
{
    struct vocabulary *vocabulary = must_alloc(sizeof *vocabulary);
    vocabulary->repeated = repeated_new();
    timestamp_reader_init(&vocabulary->promises);
    return vocabulary;
}

void vocabulary_free(struct vocabulary *vocabulary)
{
    if (!vocabulary)
        return;
    for (size_t i = 0; i < vocabulary->count; i++) {
        pattern_free(vocabulary->words[i]->pattern);
        free(vocabulary->words[i]->source);
        free(vocabulary->words[i]);
    }
    for (size_t i = 0; i < 256; i++)
        free(vocabulary->by_first[i].words);
    strbuf_free(&vocabulary->name);
    repeated_free(vocabulary->repeated);
    free(vocabulary->words);
    free(vocabulary);
}

/* The group without which an event of this kind says nothing; NULL: it says enough. */
static const char *group_missing(int kind, const struct pattern *pattern)
{
    bool names_run = pattern_has_group(pattern, GROUP_RUN), names_layer = pattern_has_group(pattern, GROUP_LAYER);
    bool has_duration = pattern_has_group(pattern, GROUP_SECONDS) || pattern_has_group(pattern, GROUP_MINUTES);
    switch (kind) {
    case EVENT_RUN_STARTED: return pattern_has_group(pattern, GROUP_TABLE) ? NULL : "table";
    case EVENT_RUN_COMPLETED:
    case EVENT_RUN_FAILED:
    case EVENT_RUN_TIMEOUT: return names_run || pattern_has_group(pattern, GROUP_TABLE) ? NULL : "table";
    case EVENT_SCHEDULE:
    case EVENT_CYCLE_DURATION:
    case EVENT_WAITING: return has_duration ? NULL : "seconds";
    case EVENT_NEXT_RUN: return pattern_has_group(pattern, GROUP_AT) ? NULL : "at";
    case EVENT_RUN_ROWS: return !names_run ? "run" : pattern_has_group(pattern, GROUP_ROWS) ? NULL : "rows";
    case EVENT_RUN_DURATION: return !names_run ? "run" : has_duration ? NULL : "seconds";
    case EVENT_ATTEMPT_FAILED:
    case EVENT_ATTEMPT_TIMEOUT:
    case EVENT_RUN_RETRY:
    case EVENT_RUN_ENDED:
    case EVENT_RUN_CRASHED: return names_run ? NULL : "run";
    case EVENT_MAINTENANCE_FAILED: return pattern_has_group(pattern, GROUP_TEXT) ? NULL : "text";
    case EVENT_CYCLE_CRASHED: return pattern_has_group(pattern, GROUP_CYCLE) ? NULL : "cycle";
    case EVENT_LAYER_STARTED:
    case EVENT_LAYER_RETRY:
    case EVENT_LAYER_COMPLETED: return names_layer ? NULL : "layer";
    case EVENT_TEXT_FOLLOWS:
        return names_run || names_layer || pattern_has_group(pattern, GROUP_CYCLE) ? NULL : "cycle";
    default: return NULL;
    }
}

static bool word_has_its_groups(int kind, const struct pattern *pattern, struct strbuf *error)
{
    const char *missing = group_missing(kind, pattern);
    if (missing)
        strbuf_printf(error, "%s needs a group named \"%s\"", event_name((enum event_kind)kind), missing);
    return !missing;
}

/* The same pattern twice is a line that somebody copied and forgot to edit. */
static bool word_is_new(const struct vocabulary *vocabulary, int kind, const char *pattern, struct strbuf *error)
{
    for (size_t i = 0; i < vocabulary->count; i++) {
        if (vocabulary->words[i]->kind == kind && strcmp(vocabulary->words[i]->source, pattern) == 0) {
            strbuf_puts(error, "the same pattern twice");
            return false;
        }
    }
    return true;
}

/* Whether a cycle says the same as the one before, as a rule. */
static bool kind_is_repeated(int kind)
{
    switch (kind) {
    case EVENT_CYCLE_STARTED:
    case EVENT_CYCLE_TABLES:
    case EVENT_RUN_STARTED:
    case EVENT_CYCLE_COMPLETED:
    case EVENT_CYCLE_SUMMARY:
    case EVENT_WAITING: return true;
    default: return false;
    }
}

static bool has_identity(const struct pattern *pattern)
{
    return pattern_has_group(pattern, GROUP_RUN) || pattern_has_group(pattern, GROUP_CYCLE) ||
           pattern_has_group(pattern, GROUP_LAYER);
}

bool vocabulary_add(struct vocabulary *vocabulary, int kind, const char *pattern, struct strbuf *error)
{
    if (!word_is_new(vocabulary, kind, pattern, error))
        return false;
    struct pattern *compiled = pattern_new(pattern, GROUP_NAMES, GROUPS, error);
    if (!compiled || !word_has_its_groups(kind, compiled, error)) {
        pattern_free(compiled);
        return false;
    }
    struct word *word = must_alloc(sizeof *word);
    *word = (struct word){ kind, compiled, must_copy(pattern, strlen(pattern)) };
    vocabulary->words = must_grow(vocabulary->words, vocabulary->count + 1, sizeof vocabulary->words[0]);
    vocabulary->words[vocabulary->count++] = word;
    vocabulary->has_names = vocabulary->has_names || has_identity(compiled);
    for (size_t byte = 0; byte < 256; byte++) {
        if (pattern_may_begin_with(compiled, (unsigned char)byte)) {
            struct shelf *shelf = &vocabulary->by_first[byte];
            shelf->words = must_grow(shelf->words, shelf->count + 1, sizeof shelf->words[0]);
            shelf->words[shelf->count++] = word;
            shelf->is_repeated = shelf->is_repeated || (kind_is_repeated(kind) && !has_identity(compiled));
        }
    }
    return true;
}

bool vocabulary_has_names(const struct vocabulary *vocabulary)
{
    return vocabulary->has_names;
}

bool vocabulary_add_builtin(struct vocabulary *vocabulary, struct strbuf *error)
{
    size_t count;
    const struct vocabulary_entry *entries = vocabulary_builtin(&count);
    for (size_t i = 0; i < count; i++) {
        if (!vocabulary_add(vocabulary, entries[i].kind, entries[i].pattern, error)) {
            strbuf_printf(error, " (built-in: %s)", entries[i].pattern);
            return false;
        }
    }
    return true;
}

/* Reads a whole number, passes over commas and stops at the decimal point. False if there is no number or it is too great. */
static bool number_read(struct slice text, int64_t *value, size_t *used)
{
    bool negative = text.len > 0 && text.at[0] == '-';
    int64_t number = 0;
    size_t i = negative ? 1 : 0;
    size_t digits = 0;
    for (; i < text.len; i++) {
        unsigned digit = (unsigned)(unsigned char)text.at[i] - '0';
        if (digit > 9 && text.at[i] == '.')
            break;
        if (digit > 9 && text.at[i] == ',')
            continue;
        if (digit > 9 || number > (INT64_MAX - 9) / 10)
            return false;
        number = number * 10 + digit;
        digits++;
    }
    *value = negative ? -number : number;
    *used = i;
    return digits > 0;
}

static bool duration_read(struct slice text, int64_t unit_ms, int64_t *duration_ms)
{
    int64_t whole;
    size_t used;
    if (!number_read(text, &whole, &used) || __builtin_mul_overflow(whole, unit_ms, duration_ms))
        return false;
    int64_t sign = text.at[0] == '-' ? -1 : 1;
    for (size_t i = used + 1; i < text.len && text.at[i] >= '0' && text.at[i] <= '9' && unit_ms > 1; i++) {
        unit_ms /= 10;
        if (__builtin_add_overflow(*duration_ms, sign * unit_ms * (text.at[i] - '0'), duration_ms))
            return false;
    }
    return true;
}

static bool count_read(struct slice text, int *count)
{
    int64_t number;
    size_t used;
    if (!number_read(text, &number, &used) || number < 0 || number > 1000000)
        return false;
    *count = (int)number;
    return true;
}

/* The highest bit of each byte that is not printable ASCII, 0x20 to 0x7e; of a byte behind such a one it may be set too. */
static uint64_t unprintable(const char *at, size_t len)
{
    static const uint64_t EACH = UINT64_C(0x0101010101010101);
    uint64_t bytes = 0x40 * EACH;
    memcpy(&bytes, at, len);
    return (bytes | (bytes - 0x20 * EACH) | (bytes + EACH)) & 0x80 * EACH;
}

/* Whether a name needs no cleaning, as nearly all do. */
static bool name_is_plain(struct slice text)
{
    enum { STEP = sizeof(uint64_t) };
    if (text.len < STEP)
        return unprintable(text.at, text.len) == 0;
    uint64_t found = unprintable(text.at + text.len - STEP, STEP);
    for (size_t at = 0; at + STEP < text.len; at += STEP)
        found |= unprintable(text.at + at, STEP);
    return found == 0;
}

/* The text with U+FFFD for each control character and for each byte that is not UTF-8. */
static void name_clean(struct strbuf *name, struct slice text)
{
    strbuf_clear(name);
    for (size_t at = 0; at < text.len;) {
        uint32_t point = 0;
        size_t len = utf8_decode((struct slice){ text.at + at, text.len - at }, &point);
        if (len == 0 || point < 0x20 || (point >= 0x7f && point < 0xa0))
            strbuf_puts(name, "\xEF\xBF\xBD");
        else
            strbuf_add(name, text.at + at, len);
        at += len > 0 ? len : 1;
    }
}

/* A table may have any name, but what becomes of it (texts in the history, labels, lines on a terminal) needs plain UTF-8. */
static bool table_read(struct vocabulary *vocabulary, struct slice text, struct slice *table)
{
    bool plain = name_is_plain(text);
    if (!plain)
        name_clean(&vocabulary->name, text);
    *table = plain ? text : strbuf_slice(&vocabulary->name);
    return table->len > 0 && table->len <= TABLE_NAME_MAX_BYTES;
}

/* The name of a run, a cycle or a layer. It is kept in the saved state, and compared with others as it is. */
static bool identity_read(struct slice text, struct slice *name)
{
    *name = text;
    for (size_t at = 0; at < text.len;) {
        uint32_t point = 0;
        size_t len = utf8_decode((struct slice){ text.at + at, text.len - at }, &point);
        if (len == 0 || point < 0x20 || (point >= 0x7f && point < 0xa0))
            return false;
        at += len;
    }
    return text.len > 0 && text.len <= RUN_NAME_MAX_BYTES;
}

static struct slice text_cut(struct slice text)
{
    return (struct slice){ text.at, text.len > TEXT_MAX_BYTES ? utf8_floor(text.at, TEXT_MAX_BYTES) : text.len };
}

static bool field_read(struct vocabulary *vocabulary, enum group group, struct slice text, struct event *event)
{
    size_t used;
    switch (group) {
    case GROUP_TABLE: return table_read(vocabulary, text, &event->table);
    case GROUP_TEXT: event->text = text_cut(text); return true;
    case GROUP_ROWS:
    case GROUP_NUMBER: return number_read(text, &event->number, &used);
    case GROUP_SECONDS: return duration_read(text, 1000, &event->duration_ms);
    case GROUP_MINUTES: return duration_read(text, 60000, &event->duration_ms);
    case GROUP_AT: return timestamp_read(&vocabulary->promises, text.at, text.len, &event->at_ms) > 0;
    case GROUP_SUCCEEDED: return count_read(text, &event->succeeded);
    case GROUP_FAILED: return count_read(text, &event->failed);
    case GROUP_TIMED_OUT: return count_read(text, &event->timed_out);
    case GROUP_RUN: return identity_read(text, &event->run);
    case GROUP_CYCLE:
    case GROUP_LAYER: return identity_read(text, &event->cycle);
    case GROUPS: break;
    }
    return false;
}

/*
 * Cleared field by field: to clear it as a whole, gcc 12 has the processor repeat a store, which takes a twenty-fifth of a replay's time.
 * To copy one empty slice into the others would be a wide load of what was just stored in halves, which waits for the stores: a thirtieth.
 */
static void event_clear(struct event *event, enum event_kind kind)
{
    event->kind = kind;
    event->time_ms = event->offset = event->at_ms = 0;
    event->number = kind == EVENT_RUN_COMPLETED ? -1 : 0;
    event->duration_ms = kind == EVENT_CYCLE_COMPLETED ? -1 : 0;
    event->succeeded = event->failed = event->timed_out = 0;
    event->table = (struct slice){ NULL, 0 };
    event->text = (struct slice){ NULL, 0 };
    event->run = (struct slice){ NULL, 0 };
    event->cycle = (struct slice){ NULL, 0 };
    event->line = (struct slice){ NULL, 0 };
}

static bool needs_table(enum event_kind kind)
{
    return kind == EVENT_RUN_STARTED || kind == EVENT_RUN_COMPLETED || kind == EVENT_RUN_FAILED ||
           kind == EVENT_RUN_TIMEOUT;
}

static enum vocabulary_answer fields_read(struct vocabulary *vocabulary, const struct word *word,
                                          const struct record *record, struct event *event)
{
    if (word->kind == EVENT_IGNORED)
        return VOCABULARY_IGNORED;
    event_clear(event, (enum event_kind)word->kind);
    timestamp_seen(&vocabulary->promises, record->time_ms);
    int group;
    for (size_t i = 0; (group = pattern_group_at(word->pattern, i)) >= 0; i++) {
        struct slice text = pattern_group(word->pattern, record->message, (size_t)group);
        if (text.at && !field_read(vocabulary, (enum group)group, text, event))
            return VOCABULARY_UNKNOWN;
    }
    /* A pattern of one's own may match without its group for the table. */
    return event->table.at || event->run.at || !needs_table(event->kind) ? VOCABULARY_EVENT : VOCABULARY_UNKNOWN;
}

/*
 * What depends on more than the message's own text is not kept: the time zone, a name that had to be cleaned. Nor is a message that names
 * its run or its cycle, because none of these comes again.
 */
static void keep_repeated(const struct vocabulary *vocabulary, const struct word *word, struct slice message,
                          const struct event *event)
{
    bool is_cleaned = event->table.at && event->table.at == vocabulary->name.at;
    if (kind_is_repeated(word->kind) && !event->text.at && !event->run.at && !event->cycle.at && !is_cleaned &&
        !pattern_has_group(word->pattern, GROUP_AT))
        repeated_keep(vocabulary->repeated, message, event);
}

/* Not inlined: what was said before must not pay for what this keeps in registers. */
__attribute__((noinline)) static enum vocabulary_answer patterns_match(struct vocabulary *vocabulary,
                                                                       const struct shelf *shelf,
                                                                       const struct record *record, struct event *event)
{
    int given_up = 0;
    for (size_t i = 0; i < shelf->count && given_up < PATTERN_LIMITS_PER_LINE; i++) {
        enum pattern_answer found = pattern_match(shelf->words[i]->pattern, record->message);
        if (found == PATTERN_YES) {
            enum vocabulary_answer answer = fields_read(vocabulary, shelf->words[i], record, event);
            if (answer == VOCABULARY_EVENT && shelf->is_repeated)
                keep_repeated(vocabulary, shelf->words[i], record->message, event);
            return answer;
        }
        given_up += found == PATTERN_LIMIT ? 1 : 0;
    }
    return given_up > 0 ? VOCABULARY_LIMIT : VOCABULARY_UNKNOWN;
}

enum vocabulary_answer vocabulary_match(struct vocabulary *vocabulary, const struct record *record, struct event *event)
{
    if (record->message.len == 0)
        return VOCABULARY_UNKNOWN;
    const struct shelf *shelf = &vocabulary->by_first[(unsigned char)record->message.at[0]];
    if (!shelf->is_repeated || !repeated_find(vocabulary->repeated, record->message, event))
        return patterns_match(vocabulary, shelf, record, event);
    timestamp_seen(&vocabulary->promises, record->time_ms);
    return VOCABULARY_EVENT;
}
