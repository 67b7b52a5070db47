/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static void *list_add(struct batch_list *list, size_t size)
{
    if (list->count == list->room) {
        list->room = list->room ? 2 * list->room : 16;
        list->rows = must_grow(list->rows, list->room, size);
    }
    void *row = (char *)list->rows + list->count++ * size;
    memset(row, 0, size);
    return row;
}

static int64_t row_id(const void *row)
{
    int64_t id;
    memcpy(&id, row, sizeof id);
    return id;
}

/* Places are never cleared: one from an earlier batch counts only if the row there has this id. */
static void *list_find_or_add(struct batch_list *list, size_t size, struct batch_recent *recent, int64_t id)
{
    uint32_t *index = &recent->index[(uint64_t)id % BATCH_RECENT];
    if (*index < list->count) {
        void *row = (char *)list->rows + *index * size;
        if (row_id(row) == id)
            return row;
    }
    *index = (uint32_t)list->count;
    return list_add(list, size);
}

/* For lists whose ids ascend. */
static void *list_search(const struct batch_list *list, size_t size, int64_t id)
{
    size_t low = 0;
    for (size_t high = list->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (row_id((const char *)list->rows + middle * size) < id)
            low = middle + 1;
        else
            high = middle;
    }
    void *row = low < list->count ? (char *)list->rows + low * size : NULL;
    return row && row_id(row) == id ? row : NULL;
}

const char *batch_text(const struct batch *batch, struct batch_text text)
{
    return text.at ? batch->texts.at + text.at : NULL;
}

/* Offset 0 stands for NULL, so no text begins there. */
static struct batch_text text_add(struct batch *batch, const char *text)
{
    if (batch->texts.len == 0)
        strbuf_add(&batch->texts, "", 1);
    struct batch_text added = { batch->texts.len };
    text_add_valid(&batch->texts, text, strlen(text) + 1);
    return added;
}

/* Copies count texts, one after the other, from another buffer, and lets *place point to the copies. */
static void text_move(struct batch *batch, const struct batch *old, struct batch_text *place, size_t count)
{
    const char *text = batch_text(old, *place);
    for (size_t i = 0; text && i < count; i++, text += strlen(text) + 1) {
        struct batch_text added = text_add(batch, text);
        if (i == 0)
            *place = added;
    }
}

/* The same row is put many times while it grows; only a text that changed needs memory. */
static void text_set(struct batch *batch, struct batch_text *place, const char *text)
{
    const char *old = batch_text(batch, *place);
    if (!text)
        *place = (struct batch_text){ 0 };
    else if (!old || strcmp(old, text) != 0)
        *place = text_add(batch, text);
}

void batch_put_cycle(struct batch *batch, const struct cycle *cycle)
{
    struct cycle *row = list_find_or_add(&batch->cycles, sizeof *row, &batch->recent_cycles, cycle->id);
    *row = *cycle;
}

void batch_put_run(struct batch *batch, const struct run *run)
{
    struct batch_run *row = list_find_or_add(&batch->runs, sizeof *row, &batch->recent_runs, run->id);
    row->row = *run;
    row->row.table = row->row.error = NULL;
    text_set(batch, &row->table, run->table);
    text_set(batch, &row->error, run->error);
}

void batch_put_answer(struct batch *batch, const struct run_answer *answer)
{
    struct batch_answer *row = list_add(&batch->answers, sizeof *row);
    row->row = *answer;
    row->row.table = row->row.witness = NULL;
    text_set(batch, &row->witness, answer->witness);
}

static bool tables_equal(const struct batch *batch, const struct batch_incident *row, const struct incident *incident)
{
    const char *old = batch_text(batch, row->tables);
    if (!old || row->row.table_count != incident->table_count)
        return false;
    for (size_t i = 0; i < incident->table_count; i++, old += strlen(old) + 1)
        if (strcmp(old, incident->tables[i]) != 0)
            return false;
    return true;
}

static void tables_set(struct batch *batch, struct batch_incident *row, const struct incident *incident)
{
    if (tables_equal(batch, row, incident))
        return;
    row->tables = (struct batch_text){ 0 };
    for (size_t i = 0; i < incident->table_count; i++) {
        struct batch_text added = text_add(batch, incident->tables[i]);
        if (i == 0)
            row->tables = added;
    }
}

void batch_put_incident(struct batch *batch, const struct incident *incident)
{
    struct batch_incident *row =
        list_find_or_add(&batch->incidents, sizeof *row, &batch->recent_incidents, incident->id);
    tables_set(batch, row, incident);
    row->row = *incident;
    row->row.tables = NULL;
    row->row.table = row->row.summary = row->row.evidence = NULL;
    row->row.cause = (struct cause){ 0 };
    text_set(batch, &row->table, incident->table);
    text_set(batch, &row->summary, incident->summary);
    text_set(batch, &row->cause, incident->cause.words);
    text_set(batch, &row->runbook, incident_runbook(incident));
    text_set(batch, &row->scenario, incident->cause.scenario);
    text_set(batch, &row->title, incident->cause.title);
    text_set(batch, &row->first_command, incident->cause.first_command);
    text_set(batch, &row->evidence, incident->evidence);
}

void batch_put_fact(struct batch *batch, int64_t id, const struct timeline_entry *entry)
{
    struct batch_fact *row = list_add(&batch->facts, sizeof *row);
    row->id = id;
    row->incident_id = entry->incident_id;
    row->at_ms = entry->at_ms;
    row->offset = entry->offset;
    text_set(batch, &row->kind, entry->kind);
    text_set(batch, &row->text, entry->text ? entry->text : "");
}

void batch_put_message(struct batch *batch, int64_t id, const struct message *message, bool silenced)
{
    struct batch_message *row = list_add(&batch->messages, sizeof *row);
    *row = (struct batch_message){ id, message_copy(message), silenced };
}

void batch_put_outbox(struct batch *batch, const struct batch_outbox *entry, const char *webhook)
{
    struct batch_outbox *row = list_add(&batch->outbox, sizeof *row);
    *row = *entry;
    text_set(batch, &row->webhook, webhook);
    text_set(batch, &row->delivery.status, "pending");
}

const struct batch_delivery *batch_find_delivery(const struct batch *batch, int64_t outbox_id)
{
    const struct batch_delivery *rows = batch->deliveries.rows;
    for (size_t i = batch->deliveries.count; i-- > 0;)
        if (rows[i].outbox_id == outbox_id)
            return &rows[i];
    return NULL;
}

/* The gathered row for outbox_id; it is added if there is none. */
static struct batch_delivery *delivery_row(struct batch *batch, int64_t outbox_id)
{
    struct batch_outbox *entry = list_search(&batch->outbox, sizeof *entry, outbox_id);
    if (entry)
        return &entry->delivery;
    struct batch_delivery *row = (struct batch_delivery *)batch_find_delivery(batch, outbox_id);
    return row ? row : list_add(&batch->deliveries, sizeof *row);
}

void batch_put_delivery(struct batch *batch, const struct batch_delivery *delivery, const char *status,
                        const char *last_error)
{
    struct batch_delivery *row = delivery_row(batch, delivery->outbox_id);
    struct batch_text old_status = row->status, old_error = row->last_error;
    *row = *delivery;
    row->status = old_status;
    row->last_error = old_error;
    text_set(batch, &row->status, status);
    text_set(batch, &row->last_error, last_error);
}

const struct message *batch_find_message(const struct batch *batch, int64_t id)
{
    const struct batch_message *row = list_search(&batch->messages, sizeof *row, id);
    return row ? row->message : NULL;
}

size_t batch_rows(const struct batch *batch)
{
    return batch->cycles.count + batch->runs.count + batch->answers.count + batch->incidents.count +
           batch->facts.count + batch->messages.count + batch->outbox.count + batch->deliveries.count;
}

size_t batch_bytes(const struct batch *batch)
{
    /* A message is an allocation of its own, with texts of about this size. */
    enum { MESSAGE_BYTES = 1024 };
    return batch->texts.len + batch->cycles.count * sizeof(struct cycle) +
           batch->runs.count * sizeof(struct batch_run) + batch->answers.count * sizeof(struct batch_answer) +
           batch->incidents.count * sizeof(struct batch_incident) + batch->facts.count * sizeof(struct batch_fact) +
           batch->messages.count * (sizeof(struct batch_message) + MESSAGE_BYTES) +
           batch->outbox.count * sizeof(struct batch_outbox) + batch->deliveries.count * sizeof(struct batch_delivery);
}

void batch_drop_runs(struct batch *batch)
{
    struct batch old = *batch;
    struct batch_incident *incidents = batch->incidents.rows;
    struct batch_fact *facts = batch->facts.rows;
    struct batch_outbox *outbox = batch->outbox.rows;
    struct batch_delivery *deliveries = batch->deliveries.rows;
    batch->texts = (struct strbuf){ 0 };
    batch->cycles.count = batch->runs.count = batch->answers.count = 0;
    for (size_t i = 0; i < batch->incidents.count; i++) {
        struct batch_incident *row = &incidents[i];
        text_move(batch, &old, &row->tables, row->row.table_count);
        text_move(batch, &old, &row->table, 1);
        text_move(batch, &old, &row->summary, 1);
        text_move(batch, &old, &row->cause, 1);
        text_move(batch, &old, &row->runbook, 1);
        text_move(batch, &old, &row->scenario, 1);
        text_move(batch, &old, &row->title, 1);
        text_move(batch, &old, &row->first_command, 1);
        text_move(batch, &old, &row->evidence, 1);
    }
    for (size_t i = 0; i < batch->facts.count; i++) {
        text_move(batch, &old, &facts[i].kind, 1);
        text_move(batch, &old, &facts[i].text, 1);
    }
    for (size_t i = 0; i < batch->outbox.count; i++) {
        text_move(batch, &old, &outbox[i].webhook, 1);
        text_move(batch, &old, &outbox[i].delivery.status, 1);
        text_move(batch, &old, &outbox[i].delivery.last_error, 1);
    }
    for (size_t i = 0; i < batch->deliveries.count; i++) {
        text_move(batch, &old, &deliveries[i].status, 1);
        text_move(batch, &old, &deliveries[i].last_error, 1);
    }
    strbuf_free(&old.texts);
}

void batch_clear(struct batch *batch)
{
    struct batch_message *messages = batch->messages.rows;
    for (size_t i = 0; i < batch->messages.count; i++)
        message_free(messages[i].message);
    strbuf_clear(&batch->texts);
    batch->cycles.count = batch->runs.count = batch->answers.count = 0;
    batch->incidents.count = batch->facts.count = 0;
    batch->messages.count = batch->outbox.count = batch->deliveries.count = 0;
}

void batch_free(struct batch *batch)
{
    batch_clear(batch);
    strbuf_free(&batch->texts);
    free(batch->cycles.rows);
    free(batch->runs.rows);
    free(batch->answers.rows);
    free(batch->incidents.rows);
    free(batch->facts.rows);
    free(batch->messages.rows);
    free(batch->outbox.rows);
    free(batch->deliveries.rows);
    *batch = (struct batch){ 0 };
}
