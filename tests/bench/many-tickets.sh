#!/bin/sh
# Measures the gateway with many tickets beside one with few and prints the table of docs/performance.md:
#     tests/bench/many-tickets.sh [tickets] [few]
# It fills a ledger in a directory of its own under TMPDIR: some 10 KB for each ticket.
set -eu
cd "$(dirname "$0")/../.."
EGRESSD_TICKETS=${1:-100000}
EGRESSD_FEW=${2:-1000}
export EGRESSD_TICKETS EGRESSD_FEW
grep -m1 'model name' /proc/cpuinfo
exec cargo test --release --lib -- --exact --nocapture --ignored gateway::tests::crowd::the_gateway_with_many_tickets
