#!/bin/sh
# Kills the release daemon at random moments for so many rounds, and says what it measured: tests/soak/kill-loop.sh [rounds] [seed]
set -eu
cd "$(dirname "$0")/../.."
EGRESSD_ROUNDS=${1:-1000}
EGRESSD_SEED=${2:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
export EGRESSD_ROUNDS EGRESSD_SEED
echo "seed $EGRESSD_SEED, $EGRESSD_ROUNDS rounds"
exec cargo test --release --test it -- --exact --nocapture \
    kills::killed_at_random_moments_it_loses_nothing_it_told_and_repeats_nothing
