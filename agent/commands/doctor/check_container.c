/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"
#include "witness.h"

/* The container whose log is followed: whether Docker knows it, and whether its file may be read. */

static void say_state(struct doctor *doctor, const struct container_told *told)
{
    const char *name = doctor->config->log_container;
    struct strbuf mend = { 0 };
    if (told->state == CONTAINER_UNKNOWN)
        strbuf_puts(&mend, "sudo systemctl status docker   # and the agent's user needs the group docker");
    else
        strbuf_printf(&mend, "docker ps --all --filter name=%s", name);
    doctor_found(doctor, "container",
                 told->state == CONTAINER_RUNS      ? STATUS_OK
                 : told->state == CONTAINER_UNKNOWN ? STATUS_CRITICAL
                                                    : STATUS_WARNING,
                 told->state == CONTAINER_RUNS ? NULL : strbuf_text(&mend), "%s: %s", name, strbuf_text(&told->words));
    strbuf_free(&mend);
}

/* The agent's own file, if it has begun. */
static char *own_file(struct doctor *doctor, const char *why)
{
    struct strbuf mend = { 0 };
    struct witness_needs needs = { .docker = true, .container_log = true };
    char *path = container_spool_path(doctor->config);
    strbuf_puts(&mend, "sudo systemctl edit iceberg-offload-agent   # add:");
    drop_in_lines(&needs, "\n  ", &mend);
    doctor_found(doctor, "container log", STATUS_OK, NULL,
                 "it comes through Docker's API into %s, because Docker's own file cannot be read here: %s", path, why);
    doctor_found(doctor, "container log", STATUS_OK, NULL, "to read Docker's file instead: %s", strbuf_text(&mend));
    strbuf_free(&mend);
    if (access(path, F_OK) == 0)
        return path;
    free(path);
    return NULL;
}

char *doctor_check_container(struct doctor *doctor)
{
    struct container_told told = { 0 };
    container_ask(doctor->config->log_container, &told);
    say_state(doctor, &told);
    char *path = NULL;
    int fd = told.path.len > 0 ? open(strbuf_text(&told.path), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY) : -1;
    int error = errno;
    if (fd >= 0)
        path = must_copy(strbuf_text(&told.path), told.path.len);
    else if (told.state >= CONTAINER_STOPPED)
        path = own_file(doctor, told.path.len > 0 ? strerror(error) : "its log driver keeps none");
    if (fd >= 0)
        close(fd);
    container_told_free(&told);
    return path;
}
