/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_BUDGETS_H
#define BASE_BUDGETS_H

/*
 * What one input may cost. The agent reads what anybody may write: a log with foreign text in it, a directory that everybody may write
 * to, a history that somebody handed over, answers of servers. Each of them has a budget here, a constant with a sentence. The rule
 * is: cut first, then work on what is left, and say what was cut. A test stands at each budget and one beyond it.
 */

/* --- The log: lines and what they say --- */

/* The scheduler pastes this many characters of a failed job's stderr into its log (it writes stderr[:500]). */
enum { STDERR_CHARACTERS = 500 };

/* The scheduler's next record after a failure or an exception is at most this much later: minutes if the host slept in between. */
enum { NEXT_RECORD_MAX_MS = 300 * 1000 };

/* --- The log's directory: rotated and packed files --- */

/* Files beside the log that are open at the same time while we look for rotated ones. Each costs a descriptor and a kilobyte. */
enum { SIBLINGS_MAX = 256 };

/* --- The history and the saved state --- */

/* --- Answers of servers --- */

#endif
