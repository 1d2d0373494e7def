#!/bin/sh
# Status codes of the kubelet's endpoints for the bearer token in TOKEN. Usage: kubelet-status.sh ADDRESS:PORT NAMESPACE/POD/CONTAINER
for path in /metrics /metrics/cadvisor /metrics/resource /metrics/probes /stats/summary /pods /runningpods/ /healthz \
  /configz /spec/ /logs/ "/containerLogs/$2" /debug/pprof/; do
  code=$(curl -sk -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $TOKEN" "https://$1$path")
  printf '%s %s\n' "$code" "$path"
done
