/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_SITE_H
#define SERVE_SITE_H

#include "agent/commands/show/terminal.h"
#include "config.h"
#include "request.h"

/*
 * What is answered to a request that was let in. Nothing here knows HTTP's connections, and nothing is kept from one answer to the next.
 * Several threads may answer at once, each from a connection to the history of its own.
 */

struct site {
    const struct config *config; /* borrowed */
    const char *title;           /* borrowed */
};

struct answer {
    unsigned status;     /* of HTTP: 200, 404 ... */
    const char *type;    /* the Content-Type, static */
    const char *vary;    /* the header on which the answer depends, static; NULL: on none */
    struct slice origin; /* whose pages may read it; the server fills it in */
    struct strbuf body;
    uint64_t
        differs_by; /* what makes the answer another one though the history is the same, such as that the agent died */
};

/* Answers from the history. db is NULL if it cannot be read, for the reason in why. The answer is to be freed in any case. */
struct sqlite3;
void site_answer(const struct site *site, struct sqlite3 *db, const char *why, const struct request *request,
                 struct answer *answer);
/* Answers with a file of the program itself; false if the route leads to none. */
bool site_answer_file(enum route route, struct answer *answer);
/* Whether an answer costs little, whatever is in the history. */
bool site_route_is_quick(enum route route);
/* Whether an answer is for programs, which pages of another origin may be allowed to read, and not for people. */
bool site_route_is_for_programs(enum route route);
/* Whether an answer may change while the history does not. */
bool site_route_reads_the_log(enum route route);

/* The Content-Type of what is at a route; OpenMetrics has another one. */
const char *site_type(enum route route);
/* What is wrong with a request, as a status of HTTP: it is malformed, or asks for what is not there. */
enum { SITE_BAD_REQUEST = 400, SITE_NOT_FOUND = 404 };

/*
 * Says what is wrong with a request: as JSON, as text or else as a page, by the type that the answer has already. Its status and body are
 * replaced.
 */
void site_refuse(const struct site *site, unsigned status, const char *why, struct answer *answer);
void answer_free(struct answer *answer);

/*
 * The headers of every answer, up to one without a name. The policy lets a page load the files of this server, and nothing that stands in
 * the page itself act.
 */
struct site_header {
    const char *name, *value;
};
extern const struct site_header site_headers[];

/* --- Between the files of this room --- */

struct status;
struct json_writer;
struct show_table;

/* The beginning of a page, up to its content. headline, heading and badge may be NULL. */
struct page_head {
    const char *title, *headline;
    const char *heading; /* what stands in the page in the place of the title */
    const char *badge;   /* a word in front of the site's title, in the colour of the tone */
    const char *here;    /* the path of the page in the list of pages; NULL: it is not in it */
    enum tone tone;
    int refresh_ms;   /* how often the script asks for the page again; 0: never */
    int64_t as_of_ms; /* until when the history knows; 0: not said */
};
/* The first page shows an incident within two seconds, and how runs go within four (agent/daemon/commit.c); the others need not. */
enum { PAGE_QUICK_MS = 500, PAGE_SLOW_MS = 5000 };
void page_begin(const struct site *site, const struct page_head *head, struct strbuf *out);
void page_end(struct strbuf *out);
/* Raw text, escaped, between two tags. */
void page_text(struct strbuf *out, const char *before, const char *text, const char *after);
/* The same for a text of several lines, which keeps its line breaks. */
void page_lines(struct strbuf *out, const char *before, const char *text, const char *after);
const char *page_tone(enum tone tone); /* the class of a tone: "good", "warning", "critical", "plain" */
/* The address of a table's page. False for a name that no address can have; then there is no page. */
bool page_table_address(const char *table, struct strbuf *out);
/* A table's name as a cell that leads to its page. */
void page_table_cell(struct show_table *cells, const char *table);
/* A field of a form that asks for a parameter, with what was asked for. */
void page_field(const struct request *request, enum parameter parameter, const char *label, struct strbuf *out);
/* Reads the times of a query; what it does not say is left as it is. False: it is wrong, and *why says what. */
bool page_period(const struct request *request, int64_t *since_ms, int64_t *until_ms, struct strbuf *why);

/* Each fills a good answer, or says what failed: false, with the reason in *error. */
bool answer_status(const struct site *site, struct sqlite3 *db, const struct request *request, struct answer *answer,
                   struct strbuf *error);
bool answer_incidents(const struct site *site, struct sqlite3 *db, const struct request *request, struct answer *answer,
                      struct strbuf *error);

bool answer_tables(const struct site *site, struct sqlite3 *db, const struct request *request, struct answer *answer,
                   struct strbuf *error);
bool answer_cycles(const struct site *site, struct sqlite3 *db, const struct request *request, struct answer *answer,
                   struct strbuf *error);

/* api.c: the parts that several answers of /api/ have. A limit that the query does not name is the usual one; 0: it is wrong, see *why. */
size_t api_limit(const struct request *request, size_t usual, size_t most, struct strbuf *why);
/* The cycle that the query names, behind which the list goes on; 0: it names none. False: it is wrong, see *why. */
bool api_before(const struct request *request, int64_t *id, struct strbuf *why);
/* The same request for what comes next: with the parameter set to value. "next" is null where value is NULL. */
void api_put_next(struct json_writer *json, const struct request *request, const char *path, enum parameter parameter,
                  const char *value);
bool answer_api_cycles(const struct site *site, struct sqlite3 *db, const struct request *request,
                       struct answer *answer, struct strbuf *error);
bool answer_api_tables(const struct site *site, struct sqlite3 *db, const struct request *request,
                       struct answer *answer, struct strbuf *error);

/* Appends the metrics. */
void answer_metrics(const struct config *config, struct sqlite3 *db, const struct status *status,
                    enum exposition_dialect dialect, struct strbuf *out);

/* Appends why the agent that fills the history is not well, a line for each reason; nothing while it is. */
void health_reasons(const struct status *status, struct strbuf *out);

#endif
