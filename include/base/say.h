/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_SAY_H
#define BASE_SAY_H

/* The agent's messages: one line each on stderr, as "agent: what: why", with control characters made visible. */
__attribute__((format(printf, 1, 2))) void say_error(const char *format, ...);
__attribute__((format(printf, 1, 2))) void say_warning(const char *format, ...);
__attribute__((format(printf, 1, 2))) void say_info(const char *format,
                                                    ...); /* only when say_verbose(true) was called */
void say_verbose(int on);

#endif
