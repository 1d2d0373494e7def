import { type Fields, fieldsOf, listOf, stringsOf, textOf } from "./fields.ts";
import type { WorkloadFacts } from "./input.ts";

const WORKLOADS: ReadonlySet<string> = new Set([
  "Deployment",
  "DaemonSet",
  "StatefulSet",
  "ReplicaSet",
  "ReplicationController",
  "Job",
  "CronJob",
]);

/** What runs as a ServiceAccount; undefined for other kinds. */
export function readWorkload(object: Fields, defaultNamespace: string): WorkloadFacts | undefined {
  const kind = textOf(object["kind"]) ?? "";
  const isPod = kind === "Pod" && object["apiVersion"] === "v1";
  if (!isPod && !WORKLOADS.has(kind)) return undefined;
  const metadata = fieldsOf(object["metadata"]);
  const spec = fieldsOf(isPod ? object["spec"] : podSpecOf(kind, object));
  const account = textOf(spec["serviceAccountName"]) ?? textOf(spec["serviceAccount"]) ?? "";
  return {
    kind,
    namespace: textOf(metadata["namespace"]) ?? defaultNamespace,
    name: textOf(metadata["name"]) ?? "",
    serviceAccount: account === "" ? "default" : account,
    labels: stringsOf(metadata["labels"]),
    images: listOf(spec["containers"]).flatMap((container) => textOf(fieldsOf(container)["image"]) ?? []),
    configuration: listOf(spec["volumes"]).flatMap((volume) => configurationOf(fieldsOf(volume))),
  };
}

function configurationOf(volume: Fields): readonly string[] {
  const sources = [volume, ...listOf(fieldsOf(volume["projected"])["sources"]).map(fieldsOf)];
  return sources.flatMap(({ configMap, secret }) => {
    const names = [fieldsOf(configMap)["name"], fieldsOf(secret)["secretName"], fieldsOf(secret)["name"]];
    return names.flatMap((name) => textOf(name) ?? []);
  });
}

function podSpecOf(kind: string, object: Fields): unknown {
  const spec = fieldsOf(object["spec"]);
  const jobSpec = kind === "CronJob" ? fieldsOf(fieldsOf(spec["jobTemplate"])["spec"]) : spec;
  return fieldsOf(jobSpec["template"])["spec"] ?? {};
}
