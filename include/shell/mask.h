/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SHELL_MASK_H
#define SHELL_MASK_H

#include "strbuf.h"

/*
 * The one place that decides what of a secret may be seen. A webhook's URL often is the secret, so only
 * "scheme://host[:port]" is kept; user information, path and query become "***".
 */
void mask_url(const char *text, struct strbuf *out);

/* Text that leaves the host (evidence, a receiver's answer): credentials in it become "***". */
void mask_secrets(const char *text, struct strbuf *out);

#endif
