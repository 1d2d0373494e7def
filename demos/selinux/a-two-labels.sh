#!/usr/bin/env bash
# Two pods, two labels, one volume: boots a machine with SELinux enforcing and shows what happens. Needs root; about five
# minutes, two more the first time. Works on hosts without SELinux and without KVM.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/machine.sh" demo-two-labels
