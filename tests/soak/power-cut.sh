#!/bin/sh
# Cuts the power of the file system under a serving gateway, round after round, and says what it measured:
#     tests/soak/power-cut.sh [rounds] [seed]
# As root, with a loop device, ext4 and perl.
set -eu
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "power-cut.sh mounts a file system: run it as root" >&2; exit 1; }
EGRESSD_ROUNDS=${1:-20}
EGRESSD_SEED=${2:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
export EGRESSD_ROUNDS EGRESSD_SEED
echo "seed $EGRESSD_SEED, $EGRESSD_ROUNDS rounds"
exec cargo test --release --test it -- --exact --nocapture --ignored \
    power_cut::a_power_cut_loses_nothing_that_was_acknowledged_and_no_byte_left_without_its_record
