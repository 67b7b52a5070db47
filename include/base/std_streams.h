/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_STD_STREAMS_H
#define BASE_STD_STREAMS_H

/*
 * Opens /dev/null in place of standard input, output and error, where the process was started without them. Otherwise the next file that
 * is opened, a lock or a database, would become standard output, and messages would be written into it. Writing to such an output fails,
 * so that it is noticed; such an error output takes everything. Call it first of all.
 */
void std_streams_open(void);

#endif
