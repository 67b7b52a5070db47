/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef ALERTS_H
#define ALERTS_H

#include <stdbool.h>
#include <stddef.h>

#include "incident.h"

/*
 * The list of alerts for people: what each kind of incident means and when it is told. `agent help alerts`, the table in agent(1) and the
 * one in README.md are made from it.
 */
struct alert_entry {
    enum alert warning, critical; /* its name as a warning and as a critical; the same for most */
    /* Clauses. "{detect.cycle_slow}" stands for the default of that configuration key. */
    const char *means;
    const char *warning_when;
    const char *critical_when; /* NULL: it is never critical */
    /* Where no other cause is known, the first command is that of this kind in the table of causes (causes_of_kind), else this one. */
    const char *first_kind;
    const char *first_command;
};

/* Fills in the entry at that place of the list, from 0 on. False behind the last one. */
bool alert_entry(size_t place, struct alert_entry *entry);

#endif
