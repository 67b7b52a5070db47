/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_SYSTEMD_H
#define DAEMON_SYSTEMD_H

#include <stdint.h>

/*
 * What the service manager is told (sd_notify(3)): one datagram to the socket that $NOTIFY_SOCKET names. Nobody listens, or
 * the variable is not set: nothing happens, the agent works the same. None of these waits.
 */

enum systemd_state { SYSTEMD_READY, SYSTEMD_RELOADING, SYSTEMD_STOPPING, SYSTEMD_WATCHDOG };

enum systemd_told { SYSTEMD_TOLD, SYSTEMD_NOT_THERE, SYSTEMD_FAILED }; /* FAILED: errno says why */

enum systemd_told systemd_tell(enum systemd_state state);

/* The line that `systemctl status` shows; line breaks and control characters become spaces, what is too long is cut. */
enum systemd_told systemd_tell_status(const char *text);

/*
 * How often SYSTEMD_WATCHDOG must be told: half of what the service manager waits; 0: it does not wait for this process.
 */
int64_t systemd_watchdog_ms(void);

#endif
