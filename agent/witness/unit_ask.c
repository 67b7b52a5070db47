/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "unit.h"
#include "witness.h"

/* One question about a unit, for a command that waits for the answer. */

struct single_question {
    bool is_answered;
    struct unit_judgement judgement;
};

static void question_on_told(void *ctx, const struct unit_facts *facts)
{
    struct single_question *question = ctx;
    unit_judge(facts, false, clock_now_ms(), &question->judgement);
    question->is_answered = true;
}

/* The question asks for everything in any case. */
static void question_on_changed(void *ctx, const struct unit_facts *facts)
{
    (void)ctx;
    (void)facts;
}

bool unit_ask(const char *unit, enum unit_state *state, struct strbuf *words)
{
    struct single_question question = { .judgement.cause = "" };
    struct unit_bus_sink sink = { &question, question_on_told, question_on_changed };
    struct unit_bus *bus = unit_bus_open(unit, &sink, words);
    while (bus && !question.is_answered && unit_bus_process(bus, words)) {
        struct pollfd waiting = { .fd = -1 };
        waiting.fd = unit_bus_descriptor(bus, &waiting.events);
        int64_t wait_ms = unit_bus_due_ms(bus) - clock_running_ms();
        if (!question.is_answered)
            poll(&waiting, 1, wait_ms < 0 ? 0 : wait_ms > 1000 ? 1000 : (int)wait_ms);
    }
    unit_bus_close(bus);
    if (question.is_answered) {
        *state = question.judgement.state;
        strbuf_puts(words, strbuf_text(&question.judgement.words));
    }
    strbuf_free(&question.judgement.words);
    return question.is_answered;
}
