#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/fuzz/seeds.sh AGENT DIRECTORY: the fixtures as first inputs, one directory a harness.
set -eu
agent=$1 seeds=$2
for harness in record vocabulary patterns config engine inert scrape; do
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
cat >"$seeds/fuzz_scrape/page" <<'EOF'
# HELP offload_lag_minutes Time since the last offload
# TYPE offload_lag_minutes gauge
offload_lag_minutes{table="bronze_trades_binance"} 4.5
offload_lag_minutes{table="a \"quoted\" one", stage="x\ny"} NaN 1772488800000
watermark_timestamp_seconds{table="bronze_trades_binance"} 1.7724888e+09
iceberg_offload_lag_minutes +Inf
EOF
cat >"$seeds/fuzz_scrape/container" <<'EOF'
{"State":{"Status":"exited","Running":false,"ExitCode":137,"OOMKilled":true,"Health":{"Status":"unhealthy"}},"RestartCount":3}
EOF
