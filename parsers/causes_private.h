/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PARSERS_CAUSES_PRIVATE_H
#define PARSERS_CAUSES_PRIVATE_H

#include "base/budgets.h"
#include "causes.h"
#include "pattern.h"

/* The table of causes, for the files that fill it and that ask it. */

enum { CONDITIONS_MAX = 4, WHAT_GROUPS = 3 };

/* Rows share patterns, so each is compiled at most once and asked at most once for each line. */
struct causes_pattern {
    char *regex;
    struct pattern *pattern; /* NULL: it is compiled when it is asked */
    uint64_t asked_at;       /* the number of the line for which the answer below holds */
    bool matches;
    struct slice what;
};

enum sign_kind { SIGN_TEXT, SIGN_HINT, SIGN_PROBE, SIGN_BANNER };

/* A row: all its conditions must hold of one line, and then the cause applies. */
struct sign {
    enum sign_kind kind;
    size_t cause;
    struct {
        size_t pattern;
        bool negated;
    } conditions[CONDITIONS_MAX];
    size_t condition_count;
};

struct sign_exit {
    size_t cause;
    int64_t code;
};

struct cause_section {
    struct known_cause known; /* its texts are owned */
    enum causes_origin origin;
    int line;
    int64_t scenario; /* its number; 0: none */
    bool timed_out;
    char *kind;
    bool dropped; /* replaced by a later section of the same name, or left out */
};

struct runbook {
    char *file;
    enum causes_origin origin;
    int64_t number;
    struct runbook_scenario {
        int64_t number;
        char *title;
    } * scenarios;
    size_t scenario_count;
    bool dropped;
};

struct causes_word {
    char *name, *text;
};

struct causes {
    struct cause_section *sections;
    size_t section_count;
    struct runbook *runbooks;
    size_t runbook_count;
    struct causes_word *words;
    size_t word_count;
    struct causes_pattern *patterns;
    size_t pattern_count;
    struct sign *signs;
    size_t sign_count;
    struct sign_exit *exits;
    size_t exit_count;
    enum { IN_NOTHING, IN_CAUSE, IN_RUNBOOK, IN_WORDS, IN_TABLE } place; /* the section that is being read */
    enum causes_origin origin;
    bool without_builtin;
    uint64_t lines; /* that were asked about */
    int given_up;   /* matches of the line at hand that PCRE2 gave up */
};

/* Adds the value with its words filled in. False, with the reason in *why, if there is no such word or it grows too long. */
bool causes_expand(const struct causes *causes, const char *value, struct strbuf *out, struct strbuf *why);
/* NULL, with the reason in *why, if the pattern cannot be used. */
struct pattern *causes_compile(const char *regex, struct strbuf *why);
/* Adds a row of the newest section. False, with the reason in *why, if a pattern cannot be used. */
bool causes_add_sign(struct causes *causes, enum sign_kind kind, const char *value, struct strbuf *why);

#endif
