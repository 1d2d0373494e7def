# Shared by the demonstrations: what the machine needs, then the machine, doing one thing.
# shellcheck shell=bash
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
((EUID == 0)) || { echo "this needs root: sudo $0" >&2; exit 2; }
make --silent --directory "$root" vm-host dev images
exec "$root/node_modules/.bin/tsx" "$root/test/vm/run.ts" --told "$1"
