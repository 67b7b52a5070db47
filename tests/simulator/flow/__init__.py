# SPDX-License-Identifier: GPL-2.0-or-later
"""What the Prefect flow of the platform logs, as its worker's container writes it: the counterpart of the old scheduler's simulator."""
