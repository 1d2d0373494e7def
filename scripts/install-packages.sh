#!/usr/bin/env bash
# Installs the npm packages of the lock file when they are missing or the lock file changed.
# With --all also what building, checking and testing takes.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
stamp=node_modules/.orlop-package-lock.json
has_all=node_modules/vitest/package.json

if [[ -f $stamp && -f node_modules/esbuild/package.json ]] && cmp -s package-lock.json "$stamp"; then
  [[ ${1:-} != --all || -f $has_all ]] && exit 0
fi
command -v npm >/dev/null || {
  echo "orlop: npm is needed to install packages and is not in PATH: install it (on Debian and Ubuntu: apt-get install npm)" >&2
  exit 2
}
# Who has the development packages keeps them.
options=(--no-audit --no-fund --legacy-peer-deps --loglevel=error)
[[ ${1:-} == --all || -f $has_all ]] || options+=(--omit=dev)
echo "orlop: installing npm packages"
npm ci "${options[@]}" || {
  echo "orlop: npm could not install the packages (see above): check the network and run this again" >&2
  exit 1
}
cp package-lock.json "$stamp"
