# SPDX-License-Identifier: GPL-2.0-or-later
"""The offload scheduler on a virtual clock: its log, byte for byte, with health and trouble by seed."""
