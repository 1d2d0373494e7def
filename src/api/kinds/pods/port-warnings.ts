import type { AnyContainer, AnyEphemeralContainer } from "./pod-rules.ts";

type Placed = readonly { readonly container: AnyContainer | AnyEphemeralContainer; readonly field: string }[];

interface Port {
  readonly field: string;
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  readonly hostPort: number;
  readonly hostIp: string;
}

function portsOf(containers: Placed): readonly Port[] {
  return containers.flatMap(({ container, field }) =>
    (container.ports ?? []).map((entry, i) => ({
      field: `${field}.ports[${i}]`,
      name: entry.name ?? "",
      port: entry.containerPort ?? 0,
      protocol: entry.protocol ?? "",
      hostPort: entry.hostPort ?? 0,
      hostIp: entry.hostIP ?? "",
    })),
  );
}

/** How two definitions of one container port get in each other's way. */
function clash(port: Port, other: Port): string | undefined {
  if (port.hostIp === other.hostIp && port.hostPort === other.hostPort) return "duplicate";
  if (port.hostPort === 0 || other.hostPort === 0) return "overlapping";
  const isOneAnywhere = (port.hostIp === "") !== (other.hostIp === "");
  return port.hostPort === other.hostPort && isOneAnywhere ? "dangerously ambiguous" : undefined;
}

function clashWarnings(port: Port, before: readonly Port[]): readonly string[] {
  const { field, name, hostPort, port: number, protocol, hostIp } = port;
  const shown = `{Name:${name} HostPort:${hostPort} ContainerPort:${number} Protocol:${protocol} HostIP:${hostIp}}`;
  const same = before.filter((other) => other.port === number && other.protocol === protocol);
  return [
    ...(hostIp !== "" && hostPort === 0 ? [`${field}: hostIP set without hostPort: ${shown}`] : []),
    ...same.flatMap((other) => {
      const kind = clash(port, other);
      return kind === undefined ? [] : [`${field}: ${kind} port definition with ${other.field}`];
    }),
  ];
}

export function portWarnings(containers: Placed): readonly string[] {
  const ports = portsOf(containers);
  return [
    ...ports.flatMap((port, i) => clashWarnings(port, ports.slice(0, i))),
    ...ports.flatMap(({ name, field }) => {
      const first = ports.find((other) => other.name === name);
      if (name === "" || first === undefined || first.field === field) return [];
      const effect = `services and probes that select ports by name will use ${first.field}`;
      return [`${field}: duplicate port name ${JSON.stringify(name)} with ${first.field}, ${effect}`];
    }),
  ];
}
