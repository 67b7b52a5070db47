/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SECRETS_H
#define SECRETS_H

#include <stdbool.h>

#include "base/strbuf.h"

/*
 * Appends a secret's file to *secret, without the blanks and line ends around it. A name that is not absolute is looked
 * up in $CREDENTIALS_DIRECTORY (systemd's LoadCredential=) if that is set. False with "file: why" in *error.
 */
bool secret_read(const char *name, struct strbuf *secret, struct strbuf *error);

#endif
