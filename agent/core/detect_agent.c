/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

/*
 * Webhooks that take nothing leave people without news, so it is an incident like any other. The daemon says when it begins and when it
 * ends.
 */

static void on_stuck(struct context *context)
{
    struct slice why = context->moment->event->text;
    struct strbuf words = { 0 };
    strbuf_puts(&words, why.len ? "" : "a webhook takes nothing");
    strbuf_add(&words, why.at, why.len);
    incidents_raise(context->incidents,
                    &(struct finding){
                        .kind = KIND_DELIVERY,
                        .severity = SEVERITY_WARNING,
                        .onset_ms = context->moment->now_ms,
                        .cause = { .words = strbuf_text(&words), .first_command = "agent test-webhook" },
                    });
    strbuf_free(&words);
}

static void agent_fact(struct context *context, const struct fact *fact)
{
    (void)fact;
    if (context->moment->event->kind == EVENT_WEBHOOK_STUCK)
        on_stuck(context);
    else if (context->moment->event->kind == EVENT_WEBHOOK_WELL)
        incidents_clear(context->incidents, KIND_DELIVERY, NULL);
}

const struct detector detect_agent = { .hears = HEARS(FACT_EVENT), .fact = agent_fact };
