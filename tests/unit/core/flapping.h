/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_CORE_FLAPPING_H
#define TESTS_CORE_FLAPPING_H

#include "core_driver.c"

static inline struct driver *failing_driver(void)
{
    struct driver *driver = driver_new();
    driver->settings.notify.reminder_ms = 0;
    driver->settings.notify.escalation_ms = hours(1000);
    driver_configure(driver);
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=1 z=1");
    return driver;
}

/* Two failures of a and a success, from at_ms on: a turn of 45 minutes. */
static inline void turn(struct driver *driver, int64_t at_ms)
{
    driver_cycles(driver, at_ms, at_ms + minutes(30), seconds(10), "a=fail z=1");
    driver_cycle(driver, at_ms + minutes(30), seconds(10), "a=1 z=1");
}

/* The fourth begins at 2:45:05. */
static inline struct driver *flapping_driver(void)
{
    struct driver *driver = failing_driver();
    for (int64_t i = 0; i < 3; i++)
        turn(driver, at(0, 15 + 45 * i, 0));
    driver_told(driver);
    turn(driver, at(2, 30, 0));
    return driver;
}

#endif
