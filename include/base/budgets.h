/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_BUDGETS_H
#define BASE_BUDGETS_H

#include <stdint.h>

/*
 * What one input may cost. The agent reads what anybody may write: a log with foreign text in it, a directory that everybody may write
 * to, a history that somebody handed over, answers of servers. Each of them has a budget here, a constant with a sentence. The rule
 * is: cut first, then work on what is left, and say what was cut. A test stands at each budget and one beyond it.
 */

/* --- The log: lines and what they say --- */

/* A longer line is cut before anything looks at it. The scheduler's own lines are a hundred bytes long. */
enum { LINE_MAX_BYTES = 8192 };

/*
 * So much of a line of the followed log is read as one piece. The end of a longer one is looked for without keeping what lies
 * between, and that is said (FOLLOW_LONG_LINE).
 */
enum { LINE_READ_MAX_BYTES = 512 << 10 };

/*
 * Of a log whose times have no date so much is read for its times alone, to count the days backwards from its last write
 * (first_day.h). That is years of a pipeline's log, and takes a second or two.
 */
enum { DAYS_COUNTED_MAX_BYTES = 512 << 20 };

/* Of a line's free text (of an exception, of stderr) this much is an event's text. An exception is known again by that much. */
enum { TEXT_MAX_BYTES = 4096 };

/* A table with a longer name is not understood. Databases allow 63 to 255 characters, a character may take 4 bytes. */
enum { TABLE_NAME_MAX_BYTES = 1024 };

/*
 * The tables that are known at once: more than the 10,000 of the largest pipeline that was measured. A table costs a few hundred bytes until
 * it has succeeded twice, and some ten kilobytes in the end. Names that did not succeed twice yet may be anything that a line held: of
 * those fewer are known, and in a cycle of more new tables the others have their turn when the first ones are proven. When three quarters
 * of either are in use, tables that nothing is to be expected of any more are dropped.
 */
enum { TABLES_MAX = 16384, TABLES_UNPROVEN_MAX = 4096 };

/*
 * What one pattern may cost on one line: steps of backtracking, and memory of PCRE2's interpreter. JIT code counts the same steps and has
 * 32 KiB of stack. That is far above what a sound pattern needs, and takes four milliseconds at most. A match that would cost more is
 * given up, which is counted, and so is a line with this many of them: its other patterns are not tried.
 */
enum { PATTERN_MAX_STEPS = 20000, PATTERN_MAX_KIB = 128, PATTERN_LIMITS_PER_LINE = 4 };

/*
 * The table of causes (agent.conf(5)): causes, and different patterns in it, bytes of a pattern with its words filled in, of a name, and of
 * a text. A file that adds to it may have CAUSES_FILE_MAX_BYTES. The built-in table has about a hundred causes and 250 patterns.
 */
enum { CAUSES_MAX = 1000, CAUSE_PATTERNS_MAX = 4000, CAUSE_PATTERN_MAX_BYTES = 8192 };
enum { CAUSE_NAME_MAX_BYTES = 64, CAUSE_VALUE_MAX_BYTES = 500, CAUSES_FILE_MAX_BYTES = 1 << 20 };

/*
 * What the table of causes costs for one line of a failure: bytes of the line, and steps of backtracking at each place of it for one
 * pattern. Then as with PATTERN_LIMITS_PER_LINE.
 */
enum { CAUSE_TEXT_MAX_BYTES = 1000, CAUSE_MAX_STEPS = 1000 };

/*
 * The first line of a notification, with the host before it, and the most of the host's name there. A phone shows the beginning of it on its
 * locked screen.
 */
enum { FIRST_LINE_MAX_CHARS = 110, FIRST_LINE_HOST_MAX_CHARS = 40, FIRST_LINE_HOST_CHARS = 20 };

/* What a cause may take over from a failure's text, such as the name of a host. */
enum { CAUSE_WHAT_MAX_BYTES = 80 };

/* Silences that are in force or begin later: those that end last are heeded. */
enum { SILENCES_MAX = 100 };

/* As many silences and windows in force `agent status` shows. */
enum { STATUS_SILENCES_MAX = 20 };

/* The scheduler pastes this many characters of a failed job's stderr into its log (it writes stderr[:500]). */
enum { STDERR_CHARACTERS = 500, STDERR_MAX_BYTES = 4 * STDERR_CHARACTERS };

/* Of the tables that ran in a cycle this many are remembered, to tell a forged second run of one of them from a true one. */
enum { ENDED_TABLES_MAX = 64 };

/* Runs, and cycles and layers together, whose names are remembered while their end was not seen; of more the oldest are forgotten. */
enum { RUNS_NAMED_MAX = 256, CYCLES_NAMED_MAX = 64, RUN_NAME_MAX_BYTES = 255 };

/* Runs and cycles that are open at once. Of more the oldest is taken as broken off. */
enum { RUNS_OPEN_MAX = 256, CYCLES_OPEN_MAX = 16 };

/* Foreign texts that are open at once, and the bytes of one that are evidence. */
enum { TEXTS_OPEN_MAX = 16, FOREIGN_TEXT_MAX_BYTES = 64 * 1024 };

/* The scheduler's next record after a failure or an exception is at most this much later: minutes if the host slept in between. */
enum { NEXT_RECORD_MAX_MS = 300 * 1000 };

/* A text is cut to this length before it is searched for secrets; nothing longer is kept anywhere. */
enum { MASKED_TEXT_MAX_BYTES = 64 * 1024 };

/* PCRE2's limits while it searches a text for secrets: steps back in one match, and memory of the interpreter for them. */
enum { MASK_MATCH_LIMIT = 1000 * 1000, MASK_HEAP_MAX_KIB = 1024 };

/*
 * Lines whose time stamps are not believed yet are held until what follows decides (agent/daemon/stamps.h): so many bytes of a replay, of
 * a backlog, and of what is written live, which is saved with the state.
 */
enum { HELD_REPLAY_BYTES = 16 << 20, HELD_BYTES = 2 << 20, HELD_LIVE_BYTES = 64 << 10 };

/* Each of those lines is compared with so many others, the last one of each group of lines that continue one another. */
enum { HELD_CHAINS = 1000 };

/*
 * An event's times and numbers are taken to be no larger than this: a log may say anything, and sums must not overflow. Wall times end with
 * the year 9999, and no duration is longer than that; rows and other numbers have 15 digits.
 */
static const int64_t EVENT_TIME_MAX_MS = 253402300799000;
static const int64_t EVENT_NUMBER_MAX = 999999999999999;

/*
 * What the core keeps of texts. A table's failures since its last success: this much is searched for their cause. The text of the newest
 * run, for the history. The line that decided an incident, and its description. Together they are below 4 kB a table in the saved state.
 */
enum { FAILURE_TEXT_MAX_BYTES = 1000, RUN_ERROR_MAX_BYTES = 4096, EVIDENCE_MAX_BYTES = 400, WHAT_MAX_BYTES = 500 };

/* --- The log's directory: rotated and packed files --- */

/*
 * Anybody may put files into the log's directory, so looking through it for rotated files is done in pieces: each takes at most so
 * many milliseconds, and at most so many entries that have the log's name in theirs. After SIBLINGS_LISTING_MAX_MS of work in all,
 * reading goes on with what was found until then, so that no line waits longer.
 */
enum { SIBLINGS_LOOK_MAX_MS = 50, SIBLINGS_LOOK_MAX_ENTRIES = 512, SIBLINGS_LISTING_MAX_MS = 1000 };

/*
 * Files beside the log that are opened at one look: those of the log's owner that were written to last. Each costs a descriptor
 * and a kilobyte for that time.
 */
enum { SIBLINGS_MAX = 256 };

/* While there is no log, its directory is looked through again only after so many times the work of the last time. */
enum { SIBLINGS_REST_FACTOR = 20 };

/* A larger gzip file beside the log is not opened: that many bytes hold years of a scheduler's log. */
enum { PACKED_FILE_MAX_BYTES = 64 << 20 };

/*
 * A gzip file may unpack to a thousand times its size. At most UNPACKED_CALL_MAX_BYTES are unpacked before the loop goes on. A file's
 * text is read up to UNPACKED_MAX_BYTES; beyond UNPACKED_FREE_BYTES only if it is at most UNPACKED_MAX_RATIO times as large as
 * the file. A scheduler's log, 200 kB a day, is 20 to 40 times as large as its gzip file.
 */
enum { UNPACKED_CALL_MAX_BYTES = 4 << 20, UNPACKED_MAX_BYTES = 256 << 20 };
enum { UNPACKED_FREE_BYTES = 64 << 20, UNPACKED_MAX_RATIO = 200 };

/* --- The history and the saved state --- */

/* The longest value in the history: far more than the state that an older agent saved in one. SQLite refuses longer ones. */
enum { HISTORY_VALUE_MAX_BYTES = 32 << 20 };

/*
 * The statements that make a history's tables and indexes, together, and any other statement that SQLite reads. The agent's own schema has
 * 5,000 bytes.
 */
enum { HISTORY_SCHEMA_MAX_BYTES = 64 << 10 };

/* The processor time that a command may use to read a history. Ten years of cycles take less than a second. */
enum { HISTORY_READER_CPU_MS = 10 * 1000 };

/* The tables that a stored message names; the rest is left out. */
enum { MESSAGE_TABLES_MAX = 10000 };

/*
 * The rows that are kept in memory while the history is not on the disk. Beyond it, cycles and runs are given up, so that the agent goes
 * on watching; incidents and notifications stay.
 */
enum { HISTORY_MEMORY_MAX_BYTES = 2 << 20 };

/* So many starts in a row may end before their first commit; the next one does without the stored state. */
enum { STARTS_MAX = 3 };

/* A longer history is not copied before it is brought to a newer version. */
enum { HISTORY_KEPT_MAX_BYTES = 1 << 30 };

/* The processor time that the agent may use to open its history, and for one question to it later. */
enum { HISTORY_OPEN_CPU_MS = 5 * 1000, HISTORY_QUESTION_CPU_MS = 2 * 1000 };

/* The longest text that a command reads from the history, in bytes. The agent's own texts are a few thousand at most. */
enum { HISTORY_TEXT_MAX_BYTES = 64 * 1024 };

/* The tables that a report lists. Further ones are summed up as one. */
enum { REPORT_TABLES_MAX = 1000 };

/*
 * The numbers of a history are taken as lying between these, the milliseconds of the years 1 and 9999: sums and differences of a few
 * of them do not overflow, and every calendar has a date for them. A count is at most HISTORY_COUNT_MAX: ten years of them add up.
 */
static const int64_t HISTORY_NUMBER_MIN = -62135596800000, HISTORY_NUMBER_MAX = 253402300799999;
static const int64_t HISTORY_COUNT_MAX = 1000000000000;

/* The texts that one command takes out of a history. */
enum { HISTORY_SHOWN_MAX_BYTES = 64 << 20 };

/* What `agent status` shows at the most: open incidents, webhooks, tables, and characters of a line of text. */
enum { STATUS_INCIDENTS_MAX = 100, STATUS_WEBHOOKS_MAX = 50, STATUS_TABLES_MAX = 256, STATUS_LINE_CHARACTERS = 1000 };

/*
 * The witnesses whose last word is kept, and the characters of that word. Beside the tables', the unit's and the host's there is one for
 * each configured probe.
 */
enum { WITNESSES_MAX = 100, WITNESS_WORDS_MAX = 1000 };

/* --- Answers of servers --- */

/* A webhook's answer: bytes and headers that are read before the request is ended, and bytes of the body that are kept. */
enum { ANSWER_MAX_BYTES = 64 * 1024, ANSWER_HEADERS_MAX = 200, ANSWER_KEPT_BYTES = 4096 };

/*
 * A probe's answer: bytes of headers and body that are read before the request is ended, and tables of a metrics page that are kept. Its
 * time is the probe's timeout.
 */
enum { PROBE_ANSWER_MAX_BYTES = 64 * 1024, PROBE_TABLES_MAX = 1000 };

/*
 * A thread that asks is waited for so long when the configuration is read anew. One that does not end, because what it reads is on a dead
 * network mount, is left behind. While so many are, no more are started, so that reloading again and again does not pile them up.
 */
enum { WORKER_END_MS = 500, WORKERS_LEFT_MAX = 8 };

/* What `agent doctor --suggest` looks at of Docker's list: containers and folders, and bytes of the answer. */
enum { CONTAINERS_LISTED_MAX = 1000, CONTAINERS_LISTED_MAX_BYTES = 4 << 20 };

/*
 * The log stream of a container through Docker's API: bytes of one message (dockerd splits at 16 kB, and adds a stamp), of the answer about
 * the container, and of one event about it.
 */
enum {
    CONTAINER_MESSAGE_MAX_BYTES = 32 * 1024,
    CONTAINER_ANSWER_MAX_BYTES = 1 << 20,
    CONTAINER_EVENT_MAX_BYTES = 64 * 1024
};

/*
 * The file that keeps this stream: it is rotated at so many bytes, and three older ones are kept. When the stream is taken up again, so much of
 * its end is read, and so many of its messages are known again: more than a scheduler logs within five seconds.
 */
enum { CONTAINER_SPOOL_BYTES = 4 << 20, CONTAINER_SPOOL_END_BYTES = 2 << 20, CONTAINER_SEEN_MAX = 16384 };

/* --- The service manager --- */

/*
 * What may wait on the system bus within a minute before the connection is given up. One answer about a unit has 30 kB. A single message is
 * bounded by the bus, which refuses more than 32 MB.
 */
enum { UNIT_BUS_MAX_BYTES = 4 << 20 };

/* What systemd said and the main thread has not taken yet: of more, the oldest are dropped. */
enum { UNIT_WORDS_MAX = 16 };

/* As much of a file below /proc is read. /proc/vmstat has 4 kB, and the others less. */
enum { PROC_FILE_MAX_BYTES = 16 * 1024 };

/* --- The Iceberg tables --- */

/*
 * What one look at a table's metadata may cost, beside its time: bytes of the file as unpacked, snapshots, bytes of one snapshot, and names
 * in the folder. A year of quarter-hourly snapshots that nobody expires has 35,000 of them, 30 MB and 100,000 files.
 */
enum {
    ICEBERG_MAX_BYTES = 64 << 20,
    ICEBERG_MAX_SNAPSHOTS = 100 * 1000,
    ICEBERG_MAX_SNAPSHOT_BYTES = 64 * 1024,
    ICEBERG_MAX_ENTRIES = 500 * 1000
};

/*
 * A row of the source or a snapshot may be so much newer than this host's clock, which may be wrong. What is from beyond that says nothing: one
 * wrong row of the year 2099 would make a table look stalled for ever.
 */
enum { WITNESS_AHEAD_MAX_MS = 60 * 60 * 1000 };

/*
 * The watermark table in PostgreSQL: tables that are asked about at once, bytes of the question with its query, of the whole answer, and of a
 * text in it (the platform's job keeps 1,000 characters of an error).
 */
enum {
    WATERMARK_TABLES_MAX = 16,
    WATERMARK_QUESTION_MAX_BYTES = 64 * 1024,
    WATERMARK_ANSWER_MAX_BYTES = 64 * 1024,
    WATERMARK_TEXT_MAX_BYTES = 1000
};

/* Questions about tables that wait to be asked. Where more runs end than can be asked about, the later ones are not asked about. */
enum { TABLE_QUESTIONS_MAX = 10 * 1000 };

/* A snapshot that says it has more records says nothing. */
static const int64_t ICEBERG_MAX_RECORDS = 999999999999999;

/* --- The web server --- */

/*
 * What one request to `agent serve` may have: bytes of its address and of its headers; and the time for sending it, and then for taking the
 * answer. So many connections are open at once, each for one request.
 */
enum { SERVE_URL_MAX_BYTES = 2048, SERVE_HEADER_MAX_BYTES = 8192, SERVE_CONNECTION_MS = 10 * 1000 };
enum { SERVE_CONNECTIONS_MAX = 64, SERVE_TITLE_MAX_BYTES = 200 };

/*
 * Requests that wait for answers from the history: so many for those that take long, and as many for the others. Who asks what was just
 * asked is not counted. Made answers are kept for a moment, so many bytes of them; one that is younger than SERVE_FRESH_MS is sent as it is,
 * and one that is younger than SERVE_STALE_MS while it is made anew.
 */
enum { SERVE_WAITING_MAX = 16, SERVE_KEPT_MAX_BYTES = 4 << 20, SERVE_FRESH_MS = 250, SERVE_STALE_MS = 1000 };

/* The incidents that a list shows, bytes of one answer, and of all that clients have not taken yet before the next one is refused. */
enum { SERVE_INCIDENTS_MAX = 500, SERVE_ANSWER_MAX_BYTES = 16 << 20, SERVE_HELD_MAX_BYTES = 32 << 20 };

/*
 * The cycles that a list shows, the runs of a cycle, and the runs of all tables together through which the page of one table looks, and those
 * with the last day of all tables.
 */
enum { SERVE_CYCLES_MAX = 200, SERVE_CYCLE_RUNS_MAX = 1000, SERVE_RUNS_MAX = 8000000, SERVE_DAY_RUNS_MAX = 500000 };

/* The lines of the log that the page of a cycle shows, and all their bytes. */
enum { SERVE_LOG_LINES_MAX = 1000, SERVE_LOG_MAX_BYTES = 256 << 10 };

/* Who looks for an earlier time in the log looks at so many of the files that rotation left, and reads so many bytes. */
enum { PAST_LOG_FILES_MAX = 64, PAST_LOG_READ_MAX_BYTES = 64 << 20 };

/* /api/v1/cycles: the runs of one answer, and the cycles that are looked through for those of a table. */
enum { SERVE_API_RUNS_MAX = 20000, SERVE_API_LOOKED_MAX = 2000 };

/* --- Counters --- */

/* Of the names of tables, witnesses and webhooks whose counters the history keeps, so much together is exposed. */
enum { METRICS_NAMES_MAX_BYTES = 2 << 20 };

/* --- The agent's own output --- */

/* A message on stderr with its line break: as much as a pipe takes whole (PIPE_BUF). */
enum { SAID_MAX_BYTES = 4096 };

#endif
