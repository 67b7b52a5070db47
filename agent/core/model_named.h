/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_MODEL_NAMED_H
#define CORE_MODEL_NAMED_H

#include "model.h"

/* How the files of the model that know names share the model. Nobody else includes this. */

/*
 * Makes the run, and the cycle that it belongs to, the ones that the model looks at, and puts them back into the ledger. In between nothing is
 * added to the ledger or removed from it.
 */
void named_enter_run(struct model *model, struct open_run *run);
void named_leave_run(struct model *model, struct open_run *run);
void named_enter_cycle(struct model *model, struct open_cycle *cycle);
void named_leave_cycle(struct model *model, struct open_cycle *cycle);

/* model_named_begin.c: the run that the event is about, which begins if it was not open; NULL: it cannot begin so, or its table has no room. */
struct open_run *named_run_of_event(struct model *model);

/* The moment's event is about a run. */
void named_take_run(struct model *model);
/* The run succeeded, and the detectors are told so. */
void named_hand_on_success(struct model *model, struct open_run *run);
/* The detectors are told that the run failed, which they were not yet. */
void named_tell_failure(struct model *model, struct open_run *run);
/* The run is over, and no more is said about it: its outcome is handed on, unless that was done. It is removed. */
void named_finish_run(struct model *model, struct open_run *run);
/* The run is broken off, unless its outcome is known. text: because of what; its table has failed then. It is removed. */
void named_break_run(struct model *model, struct open_run *run, struct slice text);

#endif
