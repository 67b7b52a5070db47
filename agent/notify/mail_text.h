/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NOTIFY_MAIL_TEXT_H
#define NOTIFY_MAIL_TEXT_H

#include <stdint.h>

#include "base/strbuf.h"

/* How texts are written in an e-mail. Lines end with CR LF. */

/*
 * Appends a header line, "NAME: text". Text that is not plain ASCII becomes encoded words (RFC 2047), long text is folded, and a
 * control character becomes a blank, so that no text can begin a header of its own.
 */
void mail_put_header(const char *name, const char *text, struct strbuf *out);

/* Appends a name as it stands before an address: quoted, or as encoded words. */
void mail_put_display_name(struct slice name, struct strbuf *out);

/* Appends text as quoted-printable (RFC 2045, section 6.7); each \n becomes a line end. */
void mail_put_quoted_printable(const char *text, struct strbuf *out);

/* Appends text with what means something in HTML escaped. */
void mail_put_html(const char *text, struct strbuf *out);

/* Appends "Tue, 03 Mar 2026 10:15:02 +0000" (RFC 5322, section 3.3). */
void mail_put_date(int64_t ms, struct strbuf *out);

#endif
