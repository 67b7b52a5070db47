/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine_private.h"

/*
 * The agent's own troubles, which its shell reports: a log that it will not or cannot read, webhooks that take nothing. Either
 * leaves people without news, so it is an incident like any other.
 */

static void raise_own(struct engine *engine, enum family family, const char *in_short, const char *first_command)
{
    struct slice why = engine->event->text;
    struct strbuf what = { 0 };
    strbuf_puts(&what, why.len ? "" : in_short);
    strbuf_add(&what, why.at, why.len);
    pool_raise(engine, &(struct complaint){
                           .family = family,
                           .severity = SEVERITY_WARNING,
                           .onset_ms = engine->clock_ms,
                           .what = strbuf_text(&what),
                           .first_command = first_command,
                       });
    strbuf_free(&what);
}

static void agent_fact(struct engine *engine, const struct fact *fact)
{
    switch (fact->kind) {
    case FACT_LOG_REFUSED: raise_own(engine, FAMILY_LOG, "the log cannot be read", "agent status"); break;
    case FACT_LOG_READABLE: pool_clear(engine, FAMILY_LOG, NULL); break;
    case FACT_WEBHOOK_STUCK: raise_own(engine, FAMILY_DELIVERY, "a webhook takes nothing", "agent test-webhook"); break;
    case FACT_WEBHOOK_WELL: pool_clear(engine, FAMILY_DELIVERY, NULL); break;
    default: break;
    }
}

static int64_t agent_due(const struct engine *engine)
{
    (void)engine;
    return INT64_MAX; /* the shell says when it begins and when it ends */
}

static void agent_expire(struct engine *engine)
{
    (void)engine;
}

const struct detector detect_agent = { agent_fact, agent_due, agent_expire };
