/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_RELOAD_GIVEN_H
#define TESTS_RELOAD_GIVEN_H

/* For test_reload_keys.c alone: the calls by which the daemon's parts are given the configuration, and what each was given last. */

static struct given {
    const struct config *dispatch, *witnesses, *table_witnesses, *unit, *host, *prefect, *causes;
    struct settings engine;
    const struct silence_window *windows;
    char patterns[PATH_MAX], log_path[PATH_MAX], log_owner[64], history[PATH_MAX];
} given;

static void note(char *place, size_t room, const char *text)
{
    snprintf(place, room, "%s", text ? text : "");
}

struct dispatch *__real_dispatch_open(const struct config *, struct history *, void (*)(void), struct strbuf *);
struct dispatch *__wrap_dispatch_open(const struct config *config, struct history *history, void (*wake)(void),
                                      struct strbuf *error);
struct dispatch *__wrap_dispatch_open(const struct config *config, struct history *history, void (*wake)(void),
                                      struct strbuf *error)
{
    given.dispatch = config;
    return __real_dispatch_open(config, history, wake, error);
}

/* The witnesses ask servers and start threads. They are only told from here on that there is nothing to ask. */
struct witnesses *__wrap_witnesses_open(const struct config *config, void (*wake)(void));
struct witnesses *__wrap_witnesses_open(const struct config *config, void (*wake)(void))
{
    (void)wake;
    given.witnesses = config;
    return NULL;
}

struct table_witnesses *__wrap_table_witnesses_open(const struct config *config, void (*wake)(void));
struct table_witnesses *__wrap_table_witnesses_open(const struct config *config, void (*wake)(void))
{
    (void)wake;
    given.table_witnesses = config;
    return NULL;
}

struct unit_witness *__wrap_unit_open(const struct config *config, void (*wake)(void));
struct unit_witness *__wrap_unit_open(const struct config *config, void (*wake)(void))
{
    (void)wake;
    given.unit = config;
    return NULL;
}

struct prefect_witness *__wrap_prefect_open(const struct config *config, void (*wake)(void));
struct prefect_witness *__wrap_prefect_open(const struct config *config, void (*wake)(void))
{
    (void)wake;
    given.prefect = config;
    return NULL;
}

struct host_witness *__wrap_host_open(const struct config *config, void (*wake)(void));
struct host_witness *__wrap_host_open(const struct config *config, void (*wake)(void))
{
    (void)wake;
    given.host = config;
    return NULL;
}

struct causes *__real_config_causes(const struct config *config, struct strbuf *error);
struct causes *__wrap_config_causes(const struct config *config, struct strbuf *error);
struct causes *__wrap_config_causes(const struct config *config, struct strbuf *error)
{
    given.causes = config;
    return __real_config_causes(config, error);
}

struct engine *__real_engine_new(const struct settings *settings, const struct engine_sink *sink);
struct engine *__wrap_engine_new(const struct settings *settings, const struct engine_sink *sink);
struct engine *__wrap_engine_new(const struct settings *settings, const struct engine_sink *sink)
{
    given.engine = *settings;
    return __real_engine_new(settings, sink);
}

void __real_engine_configure(struct engine *engine, const struct settings *settings);
void __wrap_engine_configure(struct engine *engine, const struct settings *settings);
void __wrap_engine_configure(struct engine *engine, const struct settings *settings)
{
    given.engine = *settings;
    __real_engine_configure(engine, settings);
}

void __real_engine_silence(struct engine *engine, const struct silences *silences);
void __wrap_engine_silence(struct engine *engine, const struct silences *silences);
void __wrap_engine_silence(struct engine *engine, const struct silences *silences)
{
    given.windows = silences->windows;
    __real_engine_silence(engine, silences);
}

struct parser *__real_parser_open(const char *path, struct strbuf *error);
struct parser *__wrap_parser_open(const char *path, struct strbuf *error);
struct parser *__wrap_parser_open(const char *path, struct strbuf *error)
{
    note(given.patterns, sizeof given.patterns, path);
    return __real_parser_open(path, error);
}

bool __real_parser_change_patterns(struct parser *parser, const char *path, struct strbuf *error);
bool __wrap_parser_change_patterns(struct parser *parser, const char *path, struct strbuf *error);
bool __wrap_parser_change_patterns(struct parser *parser, const char *path, struct strbuf *error)
{
    note(given.patterns, sizeof given.patterns, path);
    return __real_parser_change_patterns(parser, path, error);
}

struct follow *__real_follow_open(const char *, const char *, const struct source_position *, size_t,
                                  const struct follow_sink *, struct strbuf *);
struct follow *__wrap_follow_open(const char *path, const char *owner, const struct source_position *positions,
                                  size_t count, const struct follow_sink *sink, struct strbuf *error);
struct follow *__wrap_follow_open(const char *path, const char *owner, const struct source_position *positions,
                                  size_t count, const struct follow_sink *sink, struct strbuf *error)
{
    note(given.log_path, sizeof given.log_path, path);
    note(given.log_owner, sizeof given.log_owner, owner);
    return __real_follow_open(path, owner, positions, count, sink, error);
}

struct history *__real_history_open(const char *path, struct strbuf *notice, struct strbuf *error);
struct history *__wrap_history_open(const char *path, struct strbuf *notice, struct strbuf *error);
struct history *__wrap_history_open(const char *path, struct strbuf *notice, struct strbuf *error)
{
    note(given.history, sizeof given.history, path);
    return __real_history_open(path, notice, error);
}

#endif
