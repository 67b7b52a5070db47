/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SECRETS_H
#define SECRETS_H

#include <stdbool.h>

#include "base/strbuf.h"

/*
 * Appends the secret in a file to *secret, without the blanks and line ends around it. A relative name is looked up in
 * $CREDENTIALS_DIRECTORY (systemd's LoadCredential=) if that is set. Returns false, with "file: why" in *error.
 */
bool secret_read(const char *name, struct strbuf *secret, struct strbuf *error);

/* Appends where that file is. */
void secret_path(const char *name, struct strbuf *path);

/* Returns true if the file exists and everybody on the host may read it. The name is looked up as above. */
bool secret_is_public(const char *name);

#endif
