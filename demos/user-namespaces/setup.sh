# Shared by the demonstrations: one namespace, pods without waiting for their ends, and a host shell for comparison.
# shellcheck shell=bash
set -euo pipefail
: "${KUBECONFIG:=/var/lib/orlop/admin.kubeconfig}"
export KUBECONFIG
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
command -v kubectl >/dev/null || PATH=$here/../../.cache/bin:$PATH
command -v kubectl >/dev/null || { echo "kubectl is missing: run 'make kubectl'" >&2; exit 2; }
[[ -r $KUBECONFIG ]] || { echo "$KUBECONFIG can not be read: run 'make up' first, as root" >&2; exit 2; }
export NAMESPACE=userns-demo
IMAGE=docker.io/library/busybox:latest

kube() { kubectl --namespace "$NAMESPACE" "$@"; }
title() { printf '\n== %s\n' "$*"; }
say() { printf '   %s\n' "$*"; }
# Shows a command inside a pod and what comes of it, also when it fails.
inside() {
  local pod=$1
  shift
  printf '%s # %s\n' "$pod" "$*"
  # One stream for both outputs, or they arrive in any order.
  kube exec "$pod" -- sh -c "exec 2>&1; $*" 2>&1 | grep -v '^command terminated with exit code' || true
}
# pod NAME HOST_USERS [EXTRA_POD_FIELDS_JSON] [EXTRA_CONTAINER_FIELDS_JSON]
pod() {
  local name=$1 host_users=$2 pod_fields=${3:-'{}'} container_fields=${4:-'{}'}
  kube delete pod "$name" --now --ignore-not-found >/dev/null 2>&1
  kubectl create namespace "$NAMESPACE" >/dev/null 2>&1 || true
  kubectl --namespace "$NAMESPACE" wait --for=create serviceaccount/default --timeout=30s >/dev/null
  cat <<YAML | kube apply -f - >/dev/null
apiVersion: v1
kind: Pod
metadata: {name: $name}
spec:
  hostUsers: $host_users
  terminationGracePeriodSeconds: 0
  containers:
  - name: app
    image: $IMAGE
    imagePullPolicy: IfNotPresent
    command: [sleep, "3600"]
$(sed 's/^/    /' <<<"$container_fields" | grep -v '^    {}$' || true)
$(sed 's/^/  /' <<<"$pod_fields" | grep -v '^  {}$' || true)
YAML
  kube wait --for=condition=Ready "pod/$name" --timeout=60s >/dev/null
}
# Host process of a pod's first container, found by the control group.
host_pid() {
  local uid pid
  uid=$(kube get pod "$1" -o 'jsonpath={.metadata.uid}')
  for pid in $(grep -l -E "pod(${uid}|${uid//-/_})" /proc/[0-9]*/cgroup 2>/dev/null | cut -d/ -f3); do
    [[ $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null) == "sleep 3600 " ]] && { echo "$pid"; return; }
  done
  echo "no process of pod $1 is on this host: run this on the node" >&2
  return 1
}
clean_up() {
  kubectl delete namespace "$NAMESPACE" --wait=false >/dev/null 2>&1 || true
  [[ -z ${SCRATCH:-} ]] || rm -rf "$SCRATCH"
}
SCRATCH=$(mktemp -d /var/tmp/userns-demo-XXXXXX)
chmod 0755 "$SCRATCH"
trap clean_up EXIT
