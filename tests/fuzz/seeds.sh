#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/fuzz/seeds.sh AGENT DIRECTORY: what the other fixtures have for first inputs, in short pieces, a directory a harness.
set -eu
agent=$1 seeds=$2
rm -rf "$seeds"
mkdir -p "$seeds/fuzz_record" "$seeds/fuzz_config" "$seeds/fuzz_patterns"
for log in fixtures/logs/*.log; do
    head -n 60 "$log" | split -l 3 -a 2 - "$seeds/fuzz_record/$(basename "$log" .log)-"
done
"$agent" check-config --sample | sed -n 's/^# \(.* = .*\|\[.*\]\)$/\1/p' | split -l 6 -a 2 - "$seeds/fuzz_config/sample-"
{
    cat fixtures/patterns/k2-prefect.conf
    echo "----"
    head -n 20 fixtures/patterns/k2-prefect.log
} >"$seeds/fuzz_patterns/prefect"
mkdir -p "$seeds/fuzz_frame"
cp fixtures/fuzz/frame/* "$seeds/fuzz_frame/"
