/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WITNESS_UNIT_H
#define WITNESS_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "event.h"

/* Inside the room: unit.c asks in a thread, unit_bus.c speaks to systemd, unit_judge.c judges what it says. */

enum { UNIT_WORD_BYTES = 64 };

/* The properties of a unit that matter (org.freedesktop.systemd1(5)). A text that is longer than its place is cut. */
struct unit_facts {
    char load_state[UNIT_WORD_BYTES], active_state[UNIT_WORD_BYTES], sub_state[UNIT_WORD_BYTES];
    char result[UNIT_WORD_BYTES], restart[UNIT_WORD_BYTES];
    char invocation[2 * 16 + 1];
    int32_t exit_code;   /* CLD_EXITED, CLD_KILLED, CLD_DUMPED (sigaction(2)); 0: nothing has ended yet */
    int32_t exit_status; /* the exit code or the signal */
    uint32_t restarts, start_limit, main_pid, job;
    uint64_t active_us, inactive_us, exit_us; /* Unix time of the newest change to this; 0: none */
};

/* What it comes to. */
struct unit_judgement {
    enum unit_state state;
    bool is_passing; /* it will be something else in a moment: what it was before stays */
    int64_t since_ms;
    const char *cause; /* the kind of trouble (causes.h), or "" */
    struct strbuf words;
};

/* is_asked: somebody asked it to stop, before it ended. now_ms: an end within the last 24 h is told by its time of day. */
void unit_judge(const struct unit_facts *facts, bool is_asked, int64_t now_ms, struct unit_judgement *judgement);

/*
 * A connection to the system bus, for one unit. One thread uses it. It never waits: what was asked is answered by unit_bus_process, when the
 * descriptor is ready.
 */
struct unit_bus;

struct unit_bus_sink {
    void *ctx;
    void (*told)(void *ctx, const struct unit_facts *facts);    /* the whole answer */
    void (*changed)(void *ctx, const struct unit_facts *facts); /* a change, while the rest may be older */
};

/* NULL with the reason in *why. */
struct unit_bus *unit_bus_open(const char *unit, const struct unit_bus_sink *sink, struct strbuf *why);
void unit_bus_close(struct unit_bus *bus);
/* Asks for all properties. False with the reason in *why: close it. */
bool unit_bus_ask(struct unit_bus *bus, struct strbuf *why);
/* Takes what has come. False with the reason in *why: close it. */
bool unit_bus_process(struct unit_bus *bus, struct strbuf *why);
/* For poll(2): the descriptor, the events, and when (clock_running_ms) unit_bus_process wants to be called at the latest. */
int unit_bus_descriptor(const struct unit_bus *bus, short *events);
int64_t unit_bus_due_ms(const struct unit_bus *bus);

#endif
