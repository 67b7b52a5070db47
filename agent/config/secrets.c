/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "secrets.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SECRET_MAX_BYTES = 8192 };

static bool secret_is_good(const char *text, size_t len, const char **why)
{
    *why = len == 0 ? "is empty" : len >= SECRET_MAX_BYTES ? "is longer than 8 KiB" : NULL;
    for (size_t i = 0; i < len && !*why; i++)
        if (iscntrl((unsigned char)text[i]))
            *why = "holds a control character or more than one line";
    return !*why;
}

void secret_path(const char *name, struct strbuf *path)
{
    const char *directory = name[0] != '/' ? getenv("CREDENTIALS_DIRECTORY") : NULL;
    strbuf_printf(path, "%s%s%s", directory ? directory : "", directory ? "/" : "", name);
}

bool secret_is_public(const char *name)
{
    struct strbuf path = { 0 };
    struct stat status;
    secret_path(name, &path);
    bool public = stat(path.at, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & S_IROTH) != 0;
    strbuf_free(&path);
    return public;
}

bool secret_read(const char *name, struct strbuf *secret, struct strbuf *error)
{
    struct strbuf path = { 0 };
    char bytes[SECRET_MAX_BYTES];
    const char *why = NULL;
    size_t len = 0, start = 0;

    secret_path(name, &path);
    FILE *file = fopen(path.at, "re");
    if (!file) {
        why = strerror(errno);
        goto cleanup;
    }
    len = fread(bytes, 1, sizeof bytes, file);
    if (ferror(file)) {
        why = strerror(errno);
        goto cleanup;
    }
    while (len > 0 && isspace((unsigned char)bytes[len - 1]))
        len--;
    while (start < len && isspace((unsigned char)bytes[start]))
        start++;
    if (secret_is_good(bytes + start, len - start, &why))
        strbuf_add(secret, bytes + start, len - start);
cleanup:
    if (why)
        strbuf_printf(error, "%s: %s", path.at, why);
    if (file)
        fclose(file);
    explicit_bzero(bytes, sizeof bytes);
    strbuf_free(&path);
    return !why;
}
