import { parseImageName } from "../../image-name.ts";
import type { Container, EnvVar, EphemeralContainer, LifecycleHandler, Probe } from "../../types.ts";
import { changeEach, changeField, fill } from "../fill.ts";
import { roundToMilli } from "../round-amounts.ts";

/** Always for `:latest`, else IfNotPresent; also for names that are malformed or absent. */
export function defaultPullPolicy(image: string | undefined): string {
  return parseImageName(image ?? "")?.tag === "latest" ? "Always" : "IfNotPresent";
}

function defaultHandler(probe: Probe): Probe {
  const http = changeField(probe, "httpGet", (httpGet) => fill(httpGet, { path: "/", scheme: "HTTP" }));
  return changeField(http, "grpc", (grpc) => (grpc.service === undefined ? { ...grpc, service: "" } : grpc));
}

const PROBE_DEFAULTS = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 } as const;

function defaultProbe(probe: Probe): Probe {
  const numbers = Object.entries(PROBE_DEFAULTS).map(([key, value]) => [
    key,
    probe[key as keyof typeof PROBE_DEFAULTS] || value,
  ]);
  return { ...defaultHandler(probe), ...Object.fromEntries(numbers) };
}

function defaultLifecycleHandler(handler: LifecycleHandler): LifecycleHandler {
  return changeField(handler, "httpGet", (httpGet) => fill(httpGet, { path: "/", scheme: "HTTP" }));
}

function defaultEnv(env: EnvVar): EnvVar {
  return changeField(env, "valueFrom", (valueFrom) => {
    const field = changeField(valueFrom, "fieldRef", (fieldRef) => fill(fieldRef, { apiVersion: "v1" }));
    return changeField(field, "fileKeyRef", (fileKeyRef) =>
      fileKeyRef.optional === undefined ? { ...fileKeyRef, optional: false } : fileKeyRef,
    );
  });
}

/** Defaults that containers have in pods and in templates alike. */
export function defaultContainer<T extends Container | EphemeralContainer>(given: T): T {
  let container: Container | EphemeralContainer = fill<Container | EphemeralContainer>(given, {
    imagePullPolicy: defaultPullPolicy(given.image),
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
  });
  container = changeEach(container, "ports", (port) => fill(port, { protocol: "TCP" }));
  container = changeEach(container, "env", defaultEnv);
  container = changeField(container, "resources", (resources) =>
    changeField(changeField(resources, "limits", roundToMilli), "requests", roundToMilli),
  );
  for (const probe of ["livenessProbe", "readinessProbe", "startupProbe"] as const) {
    container = changeField(container, probe, defaultProbe);
  }
  container = changeField(container, "lifecycle", (lifecycle) =>
    changeField(changeField(lifecycle, "postStart", defaultLifecycleHandler), "preStop", defaultLifecycleHandler),
  );
  return container as T;
}

/** Requests that are missing are taken from the limits: pods only, not templates. */
export function requestsFromLimits(container: Container): Container {
  const limits = container.resources?.limits;
  if (limits === undefined) return container;
  return {
    ...container,
    resources: { ...container.resources, requests: { ...limits, ...container.resources?.requests } },
  };
}

/** In the host's network every container port is a host port: pods only, not templates. */
export function hostPortsFromPorts(container: Container): Container {
  return changeEach(container, "ports", (port) =>
    port.hostPort === undefined || port.hostPort === 0 ? { ...port, hostPort: port.containerPort } : port,
  );
}
