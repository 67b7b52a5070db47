# SPDX-License-Identifier: GPL-2.0-or-later
# The same events with their fields, for gawk: what a peer is asked to do in `make bench`.
/OFFLOAD CYCLE STARTED$/ { started++; next }
/OFFLOAD CYCLE COMPLETED$/ { completed++; next }
/ - Duration: / { duration = $NF + 0; next }
/Starting offload: / { runs[$10]++; next }
match($0, /Offload completed: ([^ ]+) \(([0-9,]+) rows in ([0-9.]+)s\)$/, field) { gsub(",", "", field[2]); rows[field[1]] += field[2]; next }
match($0, /Offload (failed|timeout): ([^ ]+)/, field) { failed[field[2]]++; next }
/Next run scheduled at: / { promises++ }
END { print started, completed, duration, promises, length(runs), length(rows), length(failed) }
