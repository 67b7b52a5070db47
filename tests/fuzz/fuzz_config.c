/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shell/config.h"

/* Any bytes as a configuration: it is either read or refused with a reason, and the second reading says what the first did. */
static struct config *load(const char *path, struct strbuf *errors)
{
    struct strbuf warnings = { 0 };
    struct config *config = config_load(path, NULL, 0, errors, &warnings);
    strbuf_free(&warnings);
    return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    char path[64];
    struct strbuf once = { 0 }, again = { 0 };
    fd = fd < 0 ? memfd_create("agent.conf", MFD_CLOEXEC) : fd;
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct config *config = load(path, &once);
    config_free(load(path, &again));
    if ((config == NULL) != (once.len > 0) || strcmp(strbuf_text(&once), strbuf_text(&again)) != 0)
        abort();
    config_free(config);
    strbuf_free(&again);
    strbuf_free(&once);
    return 0;
}
