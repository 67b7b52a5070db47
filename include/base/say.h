/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_SAY_H
#define BASE_SAY_H

/* The agent's messages: one line each on stderr, as "agent: what: why", with control characters made visible. */
__attribute__((format(printf, 1, 2))) void say_error(const char *format, ...);
__attribute__((format(printf, 1, 2))) void say_warning(const char *format, ...);
__attribute__((format(printf, 1, 2))) void say_note(const char *format, ...); /* neither an error nor a warning */
__attribute__((format(printf, 1, 2))) void say_info(const char *format, ...); /* only after say_verbose(1) */
void say_verbose(int on);

/*
 * From now on no message waits for whoever reads stderr. What cannot be written at once is dropped and counted, and the next message
 * that can be written begins with the count. Call it before any other thread exists.
 */
void say_without_waiting(void);

#endif
