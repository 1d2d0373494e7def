#!/usr/bin/env bash
# Root inside, nobody outside.
source "$(dirname "$0")/setup.sh"
pod root-inside false $'volumes: [{name: data, hostPath: {path: '"$SCRATCH"$'}}]' $'volumeMounts: [{name: data, mountPath: /data}]'

title "Inside the pod: root, with a map of its own"
inside root-inside 'id; cat /proc/self/uid_map; echo hello >/data/file; stat -c "%n belongs to %u:%g" /data/file /etc/passwd'

title "The same process on the host: an ID nobody has"
pid=$(host_pid root-inside)
user=$(awk '$1 == "Uid:" { print $2 }' "/proc/$pid/status")
printf 'process %s "%s" runs as user %s\n' "$pid" "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "$user"
getent passwd -- "$user" || say "no user of this host has ID $user"

title "The file on the host: owned by 0, because the volume is ID-mapped and nothing was chowned"
stat -c "%n belongs to %u:%g" "$SCRATCH/file"

title "What kubectl shows"
kube describe pod root-inside | grep user-namespace-range
