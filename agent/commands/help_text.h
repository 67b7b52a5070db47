/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef COMMANDS_HELP_TEXT_H
#define COMMANDS_HELP_TEXT_H

/*
 * Prints a text of the help, wrapped to the terminal's width (80 columns where there is none). It begins at that column, and its further
 * lines are indented by so much. What people may copy stays in one piece: what stands in "", in `` or in [].
 */
void help_print_wrapped(const char *text, int column, int indent);

#endif
