/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_CAUSE_H
#define CORE_CAUSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "incident.h"

/*
 * What the text of a failure points at: the runbooks' scenario, and words where the text has a clue. text may be NULL; exit_code is -1
 * where none was said. All that is returned is constant.
 */
struct cause cause_of_failure(const char *text, int64_t exit_code, bool timed_out);

/* True if it says which trouble it is. A guess that names none, and no cause at all, may be any trouble. */
bool cause_is_known(const struct cause *cause);
/* True if both are known and they are different troubles, so that failures of the one are not failures of the other. */
bool cause_differs(const struct cause *a, const struct cause *b);

/*
 * True if the component that a probe found down can explain failures of this scenario. It is false only if the failures speak of one
 * component and the probe of another.
 */
bool component_explains(struct slice name, const char *scenario);

#endif
