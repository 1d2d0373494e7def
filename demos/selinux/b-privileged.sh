#!/usr/bin/env bash
# A privileged and an unprivileged pod share a volume: boots a machine with SELinux enforcing and shows what happens, and
# the way out. Needs root; about five minutes, two more the first time.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/machine.sh" demo-privileged
