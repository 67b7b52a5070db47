/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

/* Built with SYSTEMD=no: there is nobody to ask. */

struct unit_bus *unit_bus_open(const char *unit, const struct unit_bus_sink *sink, struct strbuf *why)
{
    (void)unit;
    (void)sink;
    strbuf_puts(why, "this agent is built without systemd");
    return NULL;
}

void unit_bus_close(struct unit_bus *bus)
{
    (void)bus;
}

bool unit_bus_ask(struct unit_bus *bus, struct strbuf *why)
{
    (void)bus;
    (void)why;
    return false;
}

bool unit_bus_process(struct unit_bus *bus, struct strbuf *why)
{
    (void)bus;
    (void)why;
    return false;
}

int unit_bus_descriptor(const struct unit_bus *bus, short *events)
{
    (void)bus;
    *events = 0;
    return -1;
}

int64_t unit_bus_due_ms(const struct unit_bus *bus)
{
    (void)bus;
    return INT64_MAX;
}
