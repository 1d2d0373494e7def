import type { Service } from "../../api/types.ts";

/** The variables that tell a container where services are, as upstream and Docker links named them. */
export function serviceVariables(services: readonly Service[]): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  for (const service of services) {
    const { clusterIP = "", ports = [] } = service.spec ?? {};
    const [first] = ports;
    if (clusterIP === "" || clusterIP === "None" || first === undefined) continue;
    const prefix = variableName(service.metadata?.name ?? "");
    variables.set(`${prefix}_SERVICE_HOST`, clusterIP);
    variables.set(`${prefix}_SERVICE_PORT`, String(first.port));
    for (const { name = "", port } of ports) {
      if (name !== "") variables.set(`${prefix}_SERVICE_PORT_${variableName(name)}`, String(port));
    }
    const host = clusterIP.includes(":") ? `[${clusterIP}]` : clusterIP;
    for (const [index, { port, protocol = "TCP" }] of ports.entries()) {
      const url = `${protocol.toLowerCase()}://${host}:${port}`;
      if (index === 0) variables.set(`${prefix}_PORT`, url);
      const link = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
      variables.set(link, url);
      variables.set(`${link}_PROTO`, protocol.toLowerCase());
      variables.set(`${link}_PORT`, String(port));
      variables.set(`${link}_ADDR`, clusterIP);
    }
  }
  return variables;
}

function variableName(name: string): string {
  return name.replaceAll("-", "_").toUpperCase();
}

/** The `kubernetes` service as containers see it: where the API server can be reached from pods. */
export function apiServerService(host: string, port: number): Service {
  return {
    metadata: { name: "kubernetes", namespace: "default" },
    spec: { clusterIP: host, ports: [{ name: "https", port, protocol: "TCP" }] },
  };
}
