#!/bin/sh
# Measures the gateway beside Debian's sshd and nginx and prints the table of docs/performance.md:
#     tests/bench/side-by-side.sh [rounds] [part of a case's name]
# Needs two cores of its own, openssh-server and nginx-light; as root, since sshd separates its privileges.
set -eu
cd "$(dirname "$0")/../.."
for program in /usr/sbin/sshd /usr/sbin/nginx taskset; do
    command -v "$program" > /dev/null || { echo "$program is missing: apt-get install openssh-server nginx-light util-linux" >&2; exit 1; }
done
[ "$(id -u)" = 0 ] || { echo "sshd separates its privileges: run this as root" >&2; exit 1; }
EGRESSD_ROUNDS=${1:-6}
export EGRESSD_ROUNDS
[ $# -lt 2 ] || export EGRESSD_CASES="$2"
grep -m1 'model name' /proc/cpuinfo
/usr/sbin/sshd -V 2>&1 | head -1
/usr/sbin/nginx -v 2>&1
exec cargo test --release --test it -- --exact --nocapture --ignored side_by_side::the_gateway_beside_sshd_and_nginx
