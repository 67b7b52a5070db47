/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/budgets.h"
#include "probe_private.h"

enum { NUMBER_MOST = 40 };

static const double BEYOND_S = 1e11; /* later than any watermark; as milliseconds it still fits into 64 bits */

struct sample {
    struct slice name, labels;
    double value;
};

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    return at;
}

/* The first "}" that is not within quotes; NULL if there is none. */
static const char *labels_end(const char *at, const char *end)
{
    bool quoted = false;
    for (; at < end; at++)
        if (quoted && *at == '\\' && at + 1 < end)
            at++;
        else if (*at == '"')
            quoted = !quoted;
        else if (*at == '}' && !quoted)
            return at;
    return NULL;
}

/* name{labels} value [timestamp] */
static bool sample_read(struct slice line, struct sample *sample)
{
    const char *at = line.at, *end = line.at + line.len;
    char number[NUMBER_MOST];
    size_t len = 0;
    while (at < end && *at != '{' && *at != ' ' && *at != '\t')
        at++;
    sample->name = (struct slice){ line.at, (size_t)(at - line.at) };
    sample->labels = (struct slice){ at, 0 };
    if (at < end && *at == '{') {
        const char *close = labels_end(at + 1, end);
        if (!close)
            return false;
        sample->labels = (struct slice){ at + 1, (size_t)(close - at - 1) };
        at = close + 1;
    }
    at = skip_blanks(at, end);
    while (at<end && * at> ' ' && len < sizeof number - 1)
        number[len++] = *at++;
    number[len] = '\0';
    char *after = number;
    sample->value = strtod(number, &after);
    return sample->name.len > 0 && len > 0 && *after == '\0';
}

/* Reads the label at *at, its value with the escapes as they are, and moves *at behind it. Returns false if there is none. */
static bool label_read(const char **at, const char *end, struct slice *name, struct slice *value)
{
    while (*at < end && (**at == ',' || **at == ' ' || **at == '\t'))
        ++*at;
    const char *equals = memchr(*at, '=', (size_t)(end - *at));
    const char *quote = equals ? skip_blanks(equals + 1, end) : end;
    if (quote == end || *quote != '"')
        return false;
    const char *close = quote + 1;
    while (close < end && *close != '"')
        close += *close == '\\' && close + 1 < end ? 2 : 1;
    if (close == end)
        return false;
    *name = (struct slice){ *at, (size_t)(equals - *at) };
    while (name->len > 0 && (name->at[name->len - 1] == ' ' || name->at[name->len - 1] == '\t'))
        name->len--;
    *value = (struct slice){ quote + 1, (size_t)(close - quote - 1) };
    *at = close + 1;
    return true;
}

static char *without_escapes(struct slice value)
{
    char *text = must_alloc(value.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < value.len; i++) {
        i += value.at[i] == '\\' && i + 1 < value.len ? 1 : 0;
        text[len++] = value.at[i];
    }
    return text;
}

/* The value of the label "table" or "table_name", or the text of all labels if there is none. Owned by the caller. */
static char *table_of(struct slice labels)
{
    const char *at = labels.at, *end = labels.at + labels.len;
    struct slice name, value;
    while (label_read(&at, end, &name, &value))
        if (slice_equals(name, "table") || slice_equals(name, "table_name"))
            return without_escapes(value);
    return must_copy(labels.at, labels.len);
}

/* Finds or adds the entry of the table. Returns NULL when PROBE_TABLES_MAX tables are known already. */
static struct probe_metric *metric_of(struct probe_answer *answer, struct slice labels)
{
    char *table = table_of(labels);
    for (size_t i = 0; i < answer->metric_count; i++) {
        if (strcmp(answer->metrics[i].table, table) == 0) {
            free(table);
            return &answer->metrics[i];
        }
    }
    if (answer->metric_count == PROBE_TABLES_MAX) {
        free(table);
        return NULL;
    }
    answer->metrics = must_grow(answer->metrics, answer->metric_count + 1, sizeof *answer->metrics);
    answer->metrics[answer->metric_count] = (struct probe_metric){ .table = table, .lag_ms = -1 };
    return &answer->metrics[answer->metric_count++];
}

static void sample_take(struct probe_answer *answer, const struct sample *sample)
{
    bool watermark = slice_equals(sample->name, "watermark_timestamp_seconds");
    bool lag = slice_equals(sample->name, "offload_lag_minutes");
    if ((!watermark && !lag) || !isfinite(sample->value) || sample->value < 0 || sample->value > BEYOND_S)
        return;
    struct probe_metric *metric = metric_of(answer, sample->labels);
    if (metric && watermark)
        metric->watermark_ms = (int64_t)(sample->value * 1000);
    else if (metric)
        metric->lag_ms = (int64_t)(sample->value * 60000);
}

size_t metrics_page_read(struct probe_answer *answer, struct slice page)
{
    const char *at = page.at, *end = page.at + page.len;
    size_t samples = 0;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        struct slice line = { at, (size_t)((newline ? newline : end) - at) };
        struct sample sample;
        at += line.len + 1;
        if (line.len == 0 || line.at[0] == '#' || !sample_read(line, &sample))
            continue;
        samples++;
        sample_take(answer, &sample);
    }
    return samples;
}
