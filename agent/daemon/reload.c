/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/say.h"
#include "causes.h"
#include "daemon_private.h"
#include "systemd.h"

static bool same_path(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* A metrics file that is no longer written would be collected for ever and look like an agent that hangs. */
static void leave_textfile(struct daemon *daemon, const struct config *fresh)
{
    const char *old = daemon->config->metrics_textfile;
    if (same_path(old, fresh->metrics_textfile))
        return;
    if (old && unlink(old) != 0 && errno != ENOENT)
        say_error("metrics %s: cannot be removed: %s", old, strerror(errno));
    daemon->textfile = (struct textfile){ 0 };
}

/* What waits in the outbox stays there for the new dispatch. What is being sent gets a moment to arrive. */
static void replace_dispatch(struct daemon *daemon, struct dispatch *dispatch)
{
    dispatch_stop(daemon->dispatch);
    dispatch_count_on(dispatch, daemon->dispatch);
    dispatch_close(daemon->dispatch);
    daemon->dispatch = dispatch;
}

/* Everything that can fail is tried before anything changes. */
static bool reload_take_over(struct daemon *daemon, struct config *fresh, struct strbuf *error)
{
    struct dispatch *dispatch = dispatch_open(fresh, daemon->history, follow_wake, error);
    if (!dispatch)
        return false;
    struct causes *causes = config_causes(fresh, error);
    if (!causes || !parser_change_patterns(daemon->ingest.parser, config_patterns(fresh), error)) {
        causes_free(causes);
        dispatch_close(dispatch);
        return false;
    }
    replace_dispatch(daemon, dispatch);
    leave_textfile(daemon, fresh);
    engine_configure(daemon->ingest.engine, &fresh->settings);
    engine_set_causes(daemon->ingest.engine, causes);
    causes_free(daemon->ingest.causes);
    daemon->ingest.causes = causes;
    struct config *old = daemon->config;
    daemon->config = fresh;
    daemon_take_silences(daemon);
    config_free(old);
    witnesses_close(daemon->witnesses);
    daemon->witnesses = witnesses_open(fresh, follow_wake);
    table_witnesses_close(daemon->table_witnesses);
    daemon->table_witnesses = table_witnesses_open(fresh, follow_wake);
    unit_close(daemon->unit);
    daemon->unit = unit_open(fresh, follow_wake);
    host_close(daemon->host);
    daemon->host = host_open(fresh, follow_wake);
    prefect_close(daemon->prefect);
    daemon->prefect = prefect_open(fresh, follow_wake);
    daemon_expect_witnesses(daemon);
    return true;
}

static void reload_say_lines(const struct strbuf *lines)
{
    for (const char *line = strbuf_text(lines); *line; line += strcspn(line, "\n") + 1)
        say_warning("%.*s", (int)strcspn(line, "\n"), line);
}

void daemon_reload(struct daemon *daemon)
{
    struct strbuf kept = { 0 }, lost = { 0 }, error = { 0 };
    systemd_tell(SYSTEMD_RELOADING);
    struct config *fresh = daemon->source->reload(daemon->source->ctx);
    if (fresh) {
        config_find_lost_files(fresh, daemon->config, &lost);
        config_keep(fresh, daemon->config, &kept);
    }
    reload_say_lines(&lost); /* also where the reload is refused, since this may be why */
    daemon->reload_refused = !fresh || !reload_take_over(daemon, fresh, &error);
    if (!daemon->reload_refused) {
        reload_say_lines(&kept);
        say_note("configuration read again");
    } else {
        if (error.len)
            say_error("%s", error.at);
        say_error("the configuration is not taken over: the old one stays");
        config_free(fresh);
    }
    systemd_tell(SYSTEMD_READY);
    strbuf_free(&kept);
    strbuf_free(&lost);
    strbuf_free(&error);
}
