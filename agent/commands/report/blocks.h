/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_REPORT_BLOCKS_H
#define COMMANDS_REPORT_BLOCKS_H

#include "report.h"

/*
 * A report as a list of blocks, each a heading and what stands below it, the same in every format for people. A renderer shows each
 * form of block in its own way. Texts are raw: the renderer escapes them. Blocks point into the report, which must outlive them.
 */

struct fact {
    const char *label; /* borrowed; NULL: the value stands alone */
    char *value;
    enum tone tone;
    enum fact_form {
        FACT_TEXT,
        FACT_LITERAL, /* a command or a line of the log */
        FACT_LINK     /* the address of a page */
    } form;
};

struct facts {
    struct fact *at;
    size_t count;
};

struct block {
    enum block_form {
        BLOCK_EMPTY,     /* nothing to say: not shown */
        BLOCK_FACTS,     /* labels beside their values */
        BLOCK_ENTRIES,   /* labels, which may be long, above their values */
        BLOCK_BULLETS,   /* values without labels */
        BLOCK_PARAGRAPH, /* one value */
        BLOCK_TABLE,
        BLOCK_CHART,   /* of the report's cycles */
        BLOCK_TIMELINE /* of the report's events */
    } form;
    const char *heading;
    struct facts facts;
    struct show_table *table;
    const struct report_incidents *incidents; /* those of the table, where it lists incidents; else NULL */
};

/* The sections of all kinds of report, in reading order. */
enum section {
    SECTION_FIGURES,
    SECTION_TIMES,
    SECTION_MEASURES,
    SECTION_CAUSE,
    SECTION_CHART,
    SECTION_TIMELINE,
    SECTION_RUNBOOKS,
    SECTION_DEVIATIONS,
    SECTION_ROOT_CAUSES,
    SECTION_INCIDENTS,
    SECTION_TABLES,
    SECTION_LATE_DATA,
    SECTION_RELATED,
    SECTION_RECURRENCE,
    SECTION_QUESTIONS,
    SECTIONS
};

struct blocks {
    struct strbuf title;    /* "Incident 4: SchedulerDown" */
    struct strbuf headline; /* "critical, resolved after 1 h 02 min" */
    struct strbuf ending;   /* the headline without the severity */
    struct strbuf about;    /* the date, the zone of all times, the host */
    struct strbuf one_line; /* of an incident: all that a chat needs; else empty */
    enum tone tone;         /* of the headline */
    struct block at[SECTIONS];
};

struct blocks blocks_make(const struct report *report);
void blocks_free(struct blocks *blocks);

/* What fills them. */
struct facts facts_times(const struct report *report);
struct facts facts_measures(const struct report *report);
struct facts facts_cause(const struct report *report);
struct facts facts_recurrence(const struct report *report);
struct facts facts_period(const struct report *report);
/* The address of the report's own page of `agent serve`, which is live; nothing where it is not configured how people reach it. */
void facts_add_page(struct facts *facts, const struct report *report);
struct facts facts_review(const struct report *report);
struct facts facts_deviations(const struct report *report);
struct facts facts_root_causes(const struct report *report);
struct facts facts_review_questions(const struct report *report);
struct show_table *table_of_runbooks(const struct report *report);
/* What the share of time without trouble says nothing about; nothing where all was observed. */
void facts_add_unobserved(struct facts *facts, const struct report *report);
struct facts facts_late_data(const struct report *report);
struct facts facts_questions(const struct report *report);
__attribute__((format(printf, 4, 5))) void facts_add(struct facts *facts, const char *label, enum tone tone,
                                                     const char *format, ...);
void facts_free(struct facts *facts);

#endif
