import { Gauge, type Registry } from "prom-client";

/** What the volume manager counts about SELinux. */
export type SELinuxObservation =
  | { readonly what: "container" | "pod"; readonly accessMode: string; readonly blocks: boolean }
  | {
      readonly what: "volume";
      readonly plugin: string;
      readonly accessMode: string;
      readonly blocks: boolean;
    }
  | { readonly what: "admitted"; readonly plugin: string; readonly accessMode: string };

export type ObserveSELinux = (observation: SELinuxObservation) => void;

const BECOMES_ERROR =
  "They are not errors yet, but will be once SELinuxMount is on for all access modes (see gate SELinuxMount).";
const RETRIED = "The pod waits and is tried again, so that this is not the number of pods.";

/** The seven series of upstream, which are gauges that only grow. */
export function createSELinuxMetrics(registry: Registry): ObserveSELinux {
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[]): Gauge<Label> =>
    new Gauge({
      name: `volume_manager_selinux_${name}`,
      help: `[ALPHA] ${help}`,
      labelNames: [...labelNames],
      registers: [registry],
    });
  const pair = <Label extends string>(name: string, what: string, labelNames: readonly Label[]) => ({
    errors: gauge(`${name}_errors_total`, `Number of errors when ${what}. ${RETRIED}`, labelNames),
    warnings: gauge(`${name}_warnings_total`, `Number of times ${what}. ${BECOMES_ERROR}`, labelNames),
  });
  const container = pair("container", "the SELinux label of a container can not be built", ["access_mode"]);
  const pod = pair("pod_context_mismatch", "containers of one pod need different SELinux labels on one volume", [
    "access_mode",
  ]);
  const volume = pair("volume_context_mismatch", "a pod needs another SELinux label than the volume is used with", [
    "volume_plugin",
    "access_mode",
  ]);
  const admitted = gauge(
    "volumes_admitted_total",
    "Number of volumes whose SELinux label was fine for their first pod",
    ["volume_plugin", "access_mode"],
  );
  return (observation) => {
    const labels = { access_mode: observation.accessMode };
    switch (observation.what) {
      case "container":
        container[observation.blocks ? "errors" : "warnings"].inc(labels);
        return;
      case "pod":
        pod[observation.blocks ? "errors" : "warnings"].inc(labels);
        return;
      case "volume":
        volume[observation.blocks ? "errors" : "warnings"].inc({ ...labels, volume_plugin: observation.plugin });
        return;
      case "admitted":
        admitted.inc({ ...labels, volume_plugin: observation.plugin });
    }
  };
}
