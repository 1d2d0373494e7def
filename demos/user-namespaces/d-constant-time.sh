#!/usr/bin/env bash
# A volume with 100,000 files is there at once; changing their owners would take as long as there are files.
source "$(dirname "$0")/setup.sh"
files=${FILES:-100000}
say "making $files files in $SCRATCH"
mkdir "$SCRATCH/few" "$SCRATCH/many"
(cd "$SCRATCH/few" && seq 10 | xargs touch)
(cd "$SCRATCH/many" && seq "$files" | xargs touch)
pod warm-up false

now() { date +%s%3N; }
start() {
  local began
  began=$(now)
  pod "$1" false $'volumes: [{name: data, hostPath: {path: '"$2"$'}}]' $'volumeMounts: [{name: data, mountPath: /data}]'
  printf 'start of a pod with a volume of %6s files: %5s ms\n' "$3" "$(($(now) - began))"
}
title "Starts, ID-mapped"
start few "$SCRATCH/few" 10
start many "$SCRATCH/many" "$files"
inside many 'ls /data | wc -l; stat -c "a file belongs to %u:%g" /data/1'

title "The way without ID-mapped mounts: change the owner of every file"
began=$(now)
chown -R 131072:131072 "$SCRATCH/many"
printf 'chown -R of %s files: %s ms\n' "$files" "$(($(now) - began))"
