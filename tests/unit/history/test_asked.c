/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "history_help.h"

/* What people ask for, as the commands write it and the agent reads it. */

static void note_acknowledgement(void *ctx, const struct acknowledgement *acknowledgement)
{
    strbuf_printf(ctx, "%d of %d at %d by %s: %s, undone %d by %s\n", (int)acknowledgement->id,
                  (int)acknowledgement->incident_id, (int)acknowledgement->at_ms, acknowledgement->by,
                  acknowledgement->note, (int)acknowledgement->undone_ms, acknowledgement->undone_by);
}

static struct history *history_with_incidents(const struct place *place)
{
    struct history *history = must_open(place);
    struct engine_sink sink = history_sink(history);
    for (int64_t id = 1; id <= 3; id++) {
        struct incident incident = sample_incident(id);
        incident.open = id != 3;
        incident.resolved_ms = id == 3 ? 5000 : 0;
        sink.incident(sink.ctx, &incident);
    }
    must_commit(history);
    return history;
}

static void only_what_others_commit_counts_as_edited(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = history_with_incidents(&place);
    assert_true(history_was_edited(history)); /* nothing was read yet */
    assert_false(history_was_edited(history));
    history_put_state(history, "key", slice_of("value"));
    must_commit(history);
    assert_false(history_was_edited(history));
    change(&place, "INSERT INTO silence (starts_at, ends_at) VALUES (1, 2)");
    assert_true(history_was_edited(history));
    assert_false(history_was_edited(history));
    history_close(history);
    place_remove(&place);
}

static void the_newest_acknowledgement_of_each_open_incident_is_read(void **unused)
{
    (void)unused;
    struct place place;
    struct strbuf seen = { 0 };
    place_make(&place);
    struct history *history = history_with_incidents(&place);
    change(&place,
           "INSERT INTO acknowledgement (incident_id, at, by_name, note, undone_at, undone_by) VALUES"
           " (1, 10, 'ada', 'one', 11, 'bob'), (1, 12, 'grace', 'two', NULL, NULL),"
           " (2, 20, 'ada', NULL, 21, 'eve'), (3, 30, 'ada', 'over', NULL, NULL), (9, 9, 'x', 'y', NULL, NULL)");
    history_get_acknowledgements(history, note_acknowledgement, &seen);
    assert_string_equal(strbuf_text(&seen), "2 of 1 at 12 by grace: two, undone 0 by \n"
                                            "3 of 2 at 20 by ada: , undone 21 by eve\n");
    strbuf_free(&seen);
    history_close(history);
    place_remove(&place);
}

static void an_acknowledgement_goes_with_its_incident(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = history_with_incidents(&place);
    change(&place, "INSERT INTO acknowledgement (incident_id, at, by_name) VALUES (1, 10, 'ada'), (3, 30, 'ada')");
    while (history_prune(history, 1000000))
        ;
    assert_row(&place, "SELECT group_concat(incident_id) FROM acknowledgement", "1");
    history_close(history);
    place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_others_commit_counts_as_edited),
        cmocka_unit_test(the_newest_acknowledgement_of_each_open_incident_is_read),
        cmocka_unit_test(an_acknowledgement_goes_with_its_incident),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
