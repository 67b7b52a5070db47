#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/fuzz/seeds.sh AGENT DIRECTORY: the fixtures as first inputs, one directory a harness.
set -eu
agent=$1 seeds=$2
for harness in record vocabulary patterns config engine inert; do
    mkdir -p "$seeds/fuzz_$harness"
done
for log in fixtures/logs/*.log; do
    split -l 15 -a 4 "$log" "$seeds/fuzz_record/$(basename "$log" .log)-"
done
"$agent" check-config --sample >"$seeds/fuzz_config/sample"
{
    cat fixtures/patterns/prefect.conf
    echo "----"
    head -n 20 fixtures/patterns/prefect.log
} >"$seeds/fuzz_patterns/prefect"
