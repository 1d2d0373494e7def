#!/usr/bin/env bash
# CAP_NET_ADMIN over the pod's own network, and over nothing else.
source "$(dirname "$0")/setup.sh"
pod net-admin false '{}' $'securityContext: {capabilities: {add: [NET_ADMIN, SYS_ADMIN]}}'

title "It configures its own network"
inside net-admin 'ip link add bridge9 type bridge && ip addr add 192.0.2.9/24 dev bridge9 && ip link set bridge9 up && ip -4 -o addr show dev bridge9'

title "The host has no such interface"
ip link show bridge9 2>&1 || true

title "The same rights in the host's network are worth nothing"
say "(root of the pod with all its capabilities, but left in the host's network: what a break-out would have)"
pid=$(host_pid net-admin)
breakout() {
  printf 'broken out # %s\n' "$*"
  nsenter --user --target "$pid" --setuid 0 --setgid 0 -- sh -c "$*" 2>&1 || true
}
breakout 'grep CapEff /proc/self/status'
breakout 'ip link add bridge9 type bridge'
breakout 'ip link set lo down'
