/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The same tests over inotify_kernel.c, which the Makefile links in for the other source of events. */
#include "test_follow.c"
