/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_SYSTEMD_H
#define DAEMON_SYSTEMD_H

#include <stdint.h>

/*
 * Tells the service manager how the agent is (sd_notify(3)): one datagram to the socket that $NOTIFY_SOCKET names. Without that variable
 * or without a listener nothing happens. None of these functions waits.
 */

enum systemd_state { SYSTEMD_READY, SYSTEMD_RELOADING, SYSTEMD_STOPPING, SYSTEMD_WATCHDOG };

enum systemd_told { SYSTEMD_TOLD, SYSTEMD_NOT_THERE, SYSTEMD_FAILED }; /* SYSTEMD_FAILED: errno says why */

enum systemd_told systemd_tell(enum systemd_state state);

/* Sets the line that `systemctl status` shows. Control characters become spaces; a line that is too long is cut. */
enum systemd_told systemd_tell_status(const char *text);

/* How often SYSTEMD_WATCHDOG must be told: half of the time that the service manager waits. 0: it does not wait for this process. */
int64_t systemd_watchdog_ms(void);

#endif
