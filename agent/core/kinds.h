/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_KINDS_H
#define CORE_KINDS_H

#include "incident.h"

/* What went wrong. The alert's name follows from the kind and the severity. The numbers are saved: new kinds come last. */
enum incident_kind {
    KIND_FAILURES,
    KIND_LAG,
    KIND_SLOW,
    KIND_STALL,
    KIND_DOWN,
    KIND_CRASH_LOOP,
    KIND_SUCCESS_RATE,
    KIND_THROUGHPUT,
    KIND_LOG,
    KIND_DELIVERY,
    KINDS
};

/* All that is particular to a kind. */
struct kind_facts {
    const char *rule;         /* the name of its rule, for people: "slow" */
    const char *openings_key; /* the name of its newest openings in the saved state */
    enum alert warning, critical;
    const char *escalate_to;
    /* The heads of its first line (line.h): while it lasts, if the detector has no better one; while it flaps; and when it is over. */
    const char *wrong, *on_and_off, *over;
    bool words_say_cause; /* what its detector says is the cause; the first line does not give that twice */
};

const struct kind_facts *kind_facts(enum incident_kind kind);
enum alert kind_alert(enum incident_kind kind, enum severity severity);

#endif
