import { classifyKubeletRequest } from "../authz/kubelet-request.ts";
import { type Fields, fieldsOf, listOf } from "./fields.ts";

/** One fact out of an API server's audit log. */
export type UsageEvent =
  /** A kubelet asked whether a caller may do this: the caller was at that kubelet. */
  | {
      readonly type: "kubelet";
      readonly user: string;
      readonly groups: readonly string[];
      readonly node: string;
      readonly verb: string;
      readonly subresource: string;
      /** It was told what was wanted; a review only tells what was asked, and nodes/proxy is asked after others. */
      readonly exact?: boolean;
      readonly allowed: boolean | undefined;
      readonly at: string;
      /** Milliseconds of `at`. */
      readonly time: number;
    }
  /** A request through /api/v1/nodes/NAME/proxy. */
  | {
      readonly type: "api-server";
      readonly user: string;
      readonly groups: readonly string[];
      readonly node: string;
      readonly verb: string;
      readonly path: string;
      /** Of the request: long ones are told when they begin and again when they end. */
      readonly id: string;
      readonly begins: boolean;
      readonly allowed: boolean | undefined;
      readonly at: string;
      readonly time: number;
    }
  /** A review by a kubelet that was logged without its content. */
  | { readonly type: "no-body"; readonly at: string }
  /** A review of a right on kubelets that no kubelet asked for: kubectl auth can-i, another tool. No use. */
  | { readonly type: "other-asker"; readonly at: string };

const TRAIL_METHOD = "kubelet.orlop.dev/method";

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
const textsOf = (value: unknown): readonly string[] => listOf(value).filter((item) => typeof item === "string");

/** What an event of audit.k8s.io says about use of kubelets; undefined when nothing. */
export function usageOf(value: unknown): UsageEvent | undefined {
  const event = fieldsOf(value);
  // Said again, with the outcome, when it is known.
  if (event["stage"] === "RequestReceived") return undefined;
  const reference = fieldsOf(event["objectRef"]);
  const resource = textOf(reference["resource"]);
  if (fieldsOf(event["annotations"])[TRAIL_METHOD] !== undefined) return trailed(event, reference);
  if (resource === "subjectaccessreviews") return reviewed(event);
  if (resource === "nodes" && textOf(reference["subresource"]) === "proxy") return proxied(event, reference);
  return undefined;
}

/**
 * The trail an Orlop kubelet keeps itself says what was asked of it, so the narrowest right that would have done is
 * known, whichever it was that let the caller in.
 */
function trailed(event: Fields, reference: Fields): UsageEvent | undefined {
  const caller = fieldsOf(event["user"]);
  const user = textOf(caller["username"]);
  if (user === "") return undefined;
  const at = timeOf(event);
  const [subresource] = classifyKubeletRequest("GET", pathOf(event), { fineGrained: true }).subresources;
  return {
    type: "kubelet",
    user,
    groups: textsOf(caller["groups"]),
    node: textOf(reference["name"]),
    verb: textOf(event["verb"]),
    subresource,
    exact: true,
    allowed: fieldsOf(event["annotations"])["authorization.k8s.io/decision"] === "allow",
    at,
    time: Date.parse(at),
  };
}

/**
 * The path as it was routed: the log has it as it came in, and /%65xec runs commands like /exec. Several slashes are
 * one to the kubelet.
 */
function pathOf(event: Fields): string {
  const [path = ""] = textOf(event["requestURI"]).split("?");
  const clean = path.replace(/\/{2,}/g, "/");
  try {
    return decodeURIComponent(clean).replace(/\/{2,}/g, "/") || "/";
  } catch {
    return clean || "/";
  }
}

function timeOf(event: Fields): string {
  return textOf(event["requestReceivedTimestamp"]) || textOf(event["stageTimestamp"]);
}

function reviewed(event: Fields): UsageEvent | undefined {
  if (event["verb"] !== "create" || event["stage"] === "ResponseStarted") return undefined;
  const at = timeOf(event);
  const poster = fieldsOf(event["user"]);
  const isKubelet =
    textOf(poster["username"]).startsWith("system:node:") || textsOf(poster["groups"]).includes("system:nodes");
  if (event["requestObject"] === undefined) return isKubelet ? { type: "no-body", at } : undefined;
  const spec = fieldsOf(fieldsOf(event["requestObject"])["spec"]);
  const asked = fieldsOf(spec["resourceAttributes"]);
  const subresource = textOf(asked["subresource"]);
  if (asked["resource"] !== "nodes" || textOf(asked["group"]) !== "" || subresource === "") return undefined;
  if (!isKubelet) return { type: "other-asker", at };
  const allowed = fieldsOf(fieldsOf(event["responseObject"])["status"])["allowed"];
  return {
    type: "kubelet",
    user: textOf(spec["user"]),
    groups: textsOf(spec["groups"]),
    node: textOf(asked["name"]),
    verb: textOf(asked["verb"]),
    subresource,
    allowed: typeof allowed === "boolean" ? allowed : undefined,
    at,
    time: Date.parse(at),
  };
}

function proxied(event: Fields, reference: Fields): UsageEvent {
  const at = timeOf(event);
  const match = /^\/api\/v1\/(?:proxy\/)?nodes\/[^/]+(?:\/proxy)?(\/.*)?$/s.exec(pathOf(event));
  const code = fieldsOf(event["responseStatus"])["code"];
  const impersonated = fieldsOf(event["impersonatedUser"]);
  const caller = textOf(impersonated["username"]) === "" ? fieldsOf(event["user"]) : impersonated;
  return {
    type: "api-server",
    user: textOf(caller["username"]),
    groups: textsOf(caller["groups"]),
    node: textOf(reference["name"])
      .replace(/^https?:/, "")
      .replace(/:\d*$/, ""),
    verb: textOf(event["verb"]),
    path: match?.[1] ?? "/",
    id: textOf(event["auditID"]),
    begins: event["stage"] === "ResponseStarted",
    allowed: typeof code === "number" ? code !== 403 && code !== 401 : undefined,
    at,
    time: Date.parse(at),
  };
}
