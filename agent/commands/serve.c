/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "serve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/say.h"
#include "commands.h"

/* Becomes agent-web, which is beside the agent's own program or in the directory of such programs. */

static const struct option_spec specs[SERVE_OPTIONS] = {
    [SERVE_OPTION_LISTEN] = { "listen", "ADDRESS",
                              "where it listens: 127.0.0.1:9188, [::1]:9188 or unix:PATH; wins over serve.listen" },
};

const struct arguments serve_arguments = { .usage = "[--listen ADDRESS]", .specs = specs, .spec_count = SERVE_OPTIONS };

static char *web_program_in(const char *directory, size_t len)
{
    struct strbuf path = { 0 };
    strbuf_add(&path, directory, len);
    strbuf_puts(&path, "/agent-web");
    if (access(path.at, X_OK) != 0)
        strbuf_free(&path);
    return path.at;
}

/* Owned; NULL: there is none. */
static char *web_program(void)
{
    char self[4096];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self);
    const char *slash = len > 0 ? memrchr(self, '/', (size_t)len) : NULL;
    char *beside = slash ? web_program_in(self, (size_t)(slash - self)) : NULL;
    return beside ? beside : web_program_in(AGENT_LIBEXECDIR, strlen(AGENT_LIBEXECDIR));
}

/* The command line once more. Returns what was allocated for it; the texts are borrowed. */
static const char **web_arguments(const struct options *options)
{
    const char **argv = must_alloc((2 * options->set_count + 8) * sizeof *argv);
    size_t count = 0;
    argv[count++] = "serve";
    if (options->config_path) {
        argv[count++] = "--config";
        argv[count++] = options->config_path;
    }
    for (size_t i = 0; i < options->set_count; i++) {
        argv[count++] = "--set";
        argv[count++] = options->sets[i];
    }
    if (options->verbose)
        argv[count++] = "--verbose";
    if (options->values[SERVE_OPTION_LISTEN]) {
        argv[count++] = "--listen";
        argv[count++] = options->values[SERVE_OPTION_LISTEN];
    }
    return argv;
}

int command_serve(struct options *options)
{
    char *program = web_program();
    if (!program) {
        say_error("serve: agent-web is neither beside the agent nor in " AGENT_LIBEXECDIR
                  ": this agent was built without libmicrohttpd");
        return EXIT_FAILED;
    }
    const char **argv = web_arguments(options);
    execv(program, (char *const *)argv);
    say_error("serve: %s: %s", program, strerror(errno));
    free(argv);
    free(program);
    return EXIT_FAILED;
}
