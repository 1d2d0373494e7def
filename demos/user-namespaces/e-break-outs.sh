#!/usr/bin/env bash
# The mechanisms of three published break-outs, each tried with hostUsers: true (open) and false (blocked). Harmless: what
# is written is what was there before, or a file in a scratch folder.
source "$(dirname "$0")/setup.sh"
ROOT_ONLY=$(mktemp -d /var/tmp/userns-secret-XXXXXX)
chmod 700 "$ROOT_ONLY"
echo "the host's secret" >"$ROOT_ONLY/shadow"
# The leak: what the host mounts here later shows up in running containers, without having been mapped for them.
mount --bind "$SCRATCH" "$SCRATCH"
mount --make-shared "$SCRATCH"
undo() {
  umount -l "$SCRATCH/leak" 2>/dev/null || true
  umount -l "$SCRATCH" 2>/dev/null || true
  rm -rf "$ROOT_ONLY"
  clean_up
}
trap undo EXIT

volumes=$'volumes: [{name: host, hostPath: {path: '"$SCRATCH"$'}}]'
container=$'volumeMounts: [{name: host, mountPath: /host, mountPropagation: HostToContainer}]\nsecurityContext: {capabilities: {add: [SYS_ADMIN]}, appArmorProfile: {type: Unconfined}}'
pod shared true "$volumes" "$container"
pod isolated false "$volumes" "$container"
both() {
  for name in shared isolated; do inside "$name" "$@"; done
}

title "1. core_pattern (as in CVE-2022-0811): mount another /proc, name a program the host's kernel runs as root"
both 'mkdir -p /tmp/p; mount -t proc proc /tmp/p && cat /tmp/p/sys/kernel/core_pattern >/tmp/was && cat /tmp/was >/tmp/p/sys/kernel/core_pattern && echo "OPEN: core_pattern was written" || echo "BLOCKED"; umount /tmp/p 2>/dev/null'

title "2. release_agent (CVE-2022-0492): mount a cgroup v1 hierarchy, name a program the host's kernel runs as root"
if awk '$1 == "pids" { exit $2 == 0 }' /proc/cgroups; then
  both 'mkdir -p /tmp/c; mount -t cgroup -o pids cgroup /tmp/c && cat /tmp/c/release_agent >/tmp/was && cat /tmp/was >/tmp/c/release_agent && echo "OPEN: release_agent was written" || echo "BLOCKED"; umount /tmp/c 2>/dev/null'

else
  say "NOT POSSIBLE HERE: this host has control groups of version 2, which have no release_agent"
fi

title "3. A directory of the host leaks into the container (as in CVE-2024-21626): root reads what only root may"
mkdir "$SCRATCH/leak"
mount --bind "$ROOT_ONLY" "$SCRATCH/leak"
both 'id -u; stat -c "%n belongs to %u" /host/leak; cat /host/leak/shadow && echo "OPEN: read as root of the host" || echo "BLOCKED"'
umount "$SCRATCH/leak"
