#!/usr/bin/env bash
# Two pods can not signal each other or read each other's files, even when a path or the host's processes leak.
source "$(dirname "$0")/setup.sh"
pod one false $'volumes: [{name: private, emptyDir: {}}]' $'volumeMounts: [{name: private, mountPath: /private}]'
inside one 'umask 077; echo secret >/private/key; ls -ln /private/key'
pid_of_one=$(host_pid one)
pod two false
pid_of_two=$(host_pid two)

title "Different IDs on the host"
for name in one two; do
  printf '%s ' "$name"
  kube exec "$name" -- cat /proc/self/uid_map
done

title "The path leaks: pod two's root is shown the files of pod one"
say "(a shell with pod two's user namespace and the host's files and processes: what a break-out would have)"
breakout() { nsenter --user --target "$pid_of_two" --setuid 0 --setgid 0 -- sh -c "$*" 2>&1 || true; }
breakout 'id -u; cat /proc/self/uid_map'
leak=/proc/$pid_of_one/root/private/key
printf 'two # cat %s\n' "$leak"
breakout "cat $leak"

title "The processes leak: pod two's root signals pod one"
printf 'two # kill -9 %s\n' "$pid_of_one"
breakout "kill -9 $pid_of_one"
title "Pod one is untouched"
kube get pod one --no-headers
