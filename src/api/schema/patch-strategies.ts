/**
 * How strategic merge patches treat fields: `field=merge:key` merges lists by that key (no key: lists of plain values),
 * `retainKeys` honours the $retainKeys directive, `replace` replaces a struct as a whole. Fields not named here are
 * replaced when lists and merged when structs or maps.
 */
export const PATCH_STRATEGIES: Readonly<Record<string, string>> = {
  V1CSINodeSpec: "drivers=merge:name",
  V1Container: "ports=merge:containerPort env=merge:name volumeMounts=merge:mountPath volumeDevices=merge:devicePath",
  V1ContainerStatus: "volumeMounts=merge:mountPath allocatedResourcesStatus=merge:name",
  V1EphemeralContainer:
    "ports=merge:containerPort env=merge:name volumeMounts=merge:mountPath volumeDevices=merge:devicePath",
  V1NamespaceStatus: "conditions=merge:type",
  V1NodeSpec: "podCIDRs=merge",
  V1NodeStatus: "conditions=merge:type addresses=merge:type",
  V1ObjectMeta: "ownerReferences=merge:uid finalizers=merge",
  V1PersistentVolumeClaimStatus: "conditions=merge:type",
  V1PodDisruptionBudgetSpec: "selector=replace",
  V1PodDisruptionBudgetStatus: "conditions=merge:type",
  V1PodSpec:
    "volumes=merge+retainKeys:name initContainers=merge:name containers=merge:name ephemeralContainers=merge:name imagePullSecrets=merge:name hostAliases=merge:ip topologySpreadConstraints=merge:topologyKey schedulingGates=merge:name resourceClaims=merge+retainKeys:name",
  V1PodStatus: "conditions=merge:type hostIPs=merge:ip podIPs=merge:ip resourceClaimStatuses=merge+retainKeys:name",
  V1ServiceAccount: "secrets=merge:name",
  V1ServiceSpec: "ports=merge:port",
  V1ServiceStatus: "conditions=merge:type",
};
