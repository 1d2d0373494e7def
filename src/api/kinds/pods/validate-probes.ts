import {
  NOT_NEGATIVE,
  forbiddenField,
  invalidFor,
  invalidValue,
  notSupported,
  required,
  when,
} from "../../field-error.ts";
import { validatePortNumberOrName } from "../../int-or-string.ts";
import { httpHeaderNameProblems } from "../../names.ts";
import type { FieldError } from "../../status-error.ts";
import type { Lifecycle, LifecycleHandler, Probe, Unchecked } from "../../types.ts";
import { STOP_SIGNALS } from "./stop-signals.ts";

type AnyProbe = Unchecked<Probe>;
type Handler = Unchecked<LifecycleHandler> & Pick<AnyProbe, "grpc">;

const SCHEMES = ["HTTP", "HTTPS"];

function httpErrors(http: NonNullable<Handler["httpGet"]>, field: string): readonly FieldError[] {
  const { path = "", scheme = "", port, httpHeaders = [] } = http;
  return [
    ...when(path === "", required(`${field}.path`)),
    ...validatePortNumberOrName(port as number | string | undefined, `${field}.port`),
    ...when(!SCHEMES.includes(scheme), notSupported(`${field}.scheme`, scheme, SCHEMES)),
    ...httpHeaders.flatMap(({ name = "" }) => invalidFor(`${field}.httpHeaders`, name, httpHeaderNameProblems(name))),
  ];
}

function sleepErrors(seconds: number, gracePeriod: number | undefined, field: string): readonly FieldError[] {
  if (gracePeriod === undefined || (seconds >= 0 && seconds <= gracePeriod)) return [];
  const text = `must be non-negative and less than terminationGracePeriodSeconds (${gracePeriod})`;
  return [invalidValue(field, seconds, text)];
}

const KINDS = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"] as const;

function actionErrors(
  kind: (typeof KINDS)[number],
  handler: Handler,
  gracePeriod: number | undefined,
  field: string,
): readonly FieldError[] {
  switch (kind) {
    case "exec":
      return when((handler.exec?.command ?? []).length === 0, required(`${field}.command`));
    case "httpGet":
      return httpErrors(handler.httpGet ?? {}, field);
    case "tcpSocket":
      return validatePortNumberOrName(handler.tcpSocket?.port as number | string | undefined, `${field}.port`);
    case "grpc":
      return validatePortNumberOrName(handler.grpc?.port, `${field}.port`);
    case "sleep":
      return sleepErrors(handler.sleep?.seconds ?? 0, gracePeriod, field);
  }
}

function handlerErrors(handler: Handler, gracePeriod: number | undefined, field: string): readonly FieldError[] {
  const given = KINDS.filter((kind) => handler[kind] !== undefined);
  const [first] = given;
  if (first === undefined) return [required(field, "must specify a handler type")];
  return [
    ...actionErrors(first, handler, gracePeriod, `${field}.${first}`),
    ...given.slice(1).map((kind) => forbiddenField(`${field}.${kind}`, "may not specify more than 1 handler type")),
  ];
}

const COUNTS = [
  "initialDelaySeconds",
  "timeoutSeconds",
  "periodSeconds",
  "successThreshold",
  "failureThreshold",
] as const;

export type ProbeKind = "livenessProbe" | "readinessProbe" | "startupProbe";

export function validateProbe(kind: ProbeKind, probe: AnyProbe | undefined, field: string): readonly FieldError[] {
  if (probe === undefined) return [];
  const grace = probe.terminationGracePeriodSeconds;
  const { successThreshold = 0 } = probe;
  return [
    ...handlerErrors(probe, undefined, field),
    ...COUNTS.flatMap((name) => {
      const value = probe[name] ?? 0;
      return when(value < 0, invalidValue(`${field}.${name}`, value, NOT_NEGATIVE));
    }),
    ...when(
      grace !== undefined && grace <= 0,
      invalidValue(`${field}.terminationGracePeriodSeconds`, grace, "must be greater than 0"),
    ),
    ...when(
      kind === "readinessProbe" && grace !== undefined,
      invalidValue(`${field}.terminationGracePeriodSeconds`, grace, "must not be set for readinessProbes"),
    ),
    ...when(
      kind !== "readinessProbe" && successThreshold !== 1,
      invalidValue(`${field}.successThreshold`, successThreshold, "must be 1"),
    ),
  ];
}

function stopSignalErrors(signal: string, os: string | undefined, field: string): readonly FieldError[] {
  if (os === undefined) return [forbiddenField(field, "may not be set for containers with empty `spec.os.name`")];
  const supported = os === "windows" ? ["SIGKILL", "SIGTERM"] : os === "linux" ? STOP_SIGNALS : [signal];
  return when(!supported.includes(signal), notSupported(field, signal, supported));
}

/** @param gracePeriod of the pod, in seconds */
export function validateLifecycle(
  lifecycle: Unchecked<Lifecycle>,
  gracePeriod: number | undefined,
  os: string | undefined,
  field: string,
): readonly FieldError[] {
  const { postStart, preStop, stopSignal } = lifecycle;
  return [
    ...(postStart === undefined ? [] : handlerErrors(postStart, gracePeriod, `${field}.postStart`)),
    ...(preStop === undefined ? [] : handlerErrors(preStop, gracePeriod, `${field}.preStop`)),
    ...(stopSignal === undefined ? [] : stopSignalErrors(stopSignal, os, `${field}.stopSignal`)),
  ];
}
