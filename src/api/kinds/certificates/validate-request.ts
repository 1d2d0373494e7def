import {
  duplicate,
  forbiddenField,
  invalidValue,
  notSupported,
  required,
  requiredOneOf,
  when,
} from "../../field-error.ts";
import { deepEqual } from "../../schema/normalize.ts";
import type { FieldError } from "../../status-error.ts";
import type { CertificateSigningRequest, KubernetesObject, Unchecked } from "../../types.ts";
import { unifiedDiff } from "../../unified-diff.ts";
import { validateSignerName } from "./signer-name.ts";

type Request = Unchecked<CertificateSigningRequest>;
type Conditions = NonNullable<NonNullable<Request["status"]>["conditions"]>;

const USAGES = [
  "any",
  "cert sign",
  "client auth",
  "code signing",
  "content commitment",
  "crl sign",
  "data encipherment",
  "decipher only",
  "digital signature",
  "email protection",
  "encipher only",
  "ipsec end system",
  "ipsec tunnel",
  "ipsec user",
  "key agreement",
  "key encipherment",
  "microsoft sgc",
  "netscape sgc",
  "ocsp signing",
  "s/mime",
  "server auth",
  "signing",
  "timestamping",
];
const LEGACY_SIGNER = "kubernetes.io/legacy-unknown";
const SHORTEST_LIFE = 600;
const DECISIONS = ["Approved", "Denied"] as const;
const FINAL: readonly string[] = [...DECISIONS, "Failed"];

/** Whether a text (base64 of PEM) has the frame of a PKCS#10 request. What is inside is for the signer to check. */
function hasRequestFrame(request: string): boolean {
  try {
    return /-----BEGIN CERTIFICATE REQUEST-----[\s\S]+-----END CERTIFICATE REQUEST-----/u.test(atob(request));
  } catch {
    return false;
  }
}

function usageErrors(usages: readonly string[], field: string): readonly FieldError[] {
  return [
    ...when(usages.length === 0, required(field)),
    ...usages.flatMap((usage, i) => [
      ...when(!USAGES.includes(usage), notSupported(`${field}[${i}]`, usage, USAGES)),
      ...when(usages.indexOf(usage) < i, duplicate(`${field}[${i}]`, usage)),
    ]),
  ];
}

function conditionErrors(conditions: Conditions, field: string): readonly FieldError[] {
  const types = conditions.map(({ type }) => type ?? "");
  const isBoth = DECISIONS.every((decision) => types.includes(decision));
  const last = conditions.findLast(({ type }) => DECISIONS.some((decision) => decision === type));
  return [
    ...conditions.flatMap(({ type = "", status }, i) => [
      ...when(type === "", required(`${field}[${i}].type`)),
      ...requiredOneOf(`${field}[${i}].status`, status, FINAL.includes(type) ? ["True"] : ["False", "True", "Unknown"]),
      ...when(types.indexOf(type) < i, duplicate(`${field}[${i}].type`, type)),
    ]),
    ...when(isBoth, invalidValue(field, last?.type, "Approved and Denied conditions are mutually exclusive")),
  ];
}

function certificateErrors(certificate: string | undefined): readonly FieldError[] {
  if (certificate === undefined || certificate === "") return [];
  const field = "status.certificate";
  let text = "";
  try {
    text = atob(certificate);
  } catch {
    // Left empty: no block is found below.
  }
  const types = [...text.matchAll(/-----BEGIN ([^-]+)-----/gu)].map((match) => match[1] ?? "");
  const other = types.find((type) => type !== "CERTIFICATE");
  const none = "must contain at least one CERTIFICATE PEM block";
  if (types.length === 0) return [invalidValue(field, "<certificate data>", none)];
  if (other === undefined) return [];
  const problem = `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(other)}`;
  return [invalidValue(field, "<certificate data>", problem)];
}

export function validateRequest(object: KubernetesObject): readonly FieldError[] {
  const { spec = {}, status = {} } = object as Request;
  const { request = "", signerName, expirationSeconds: seconds } = spec;
  const legacy = "the legacy signerName is not allowed via this API version";
  return [
    ...when(
      !hasRequestFrame(request),
      invalidValue("spec.request", request, "PEM block type must be CERTIFICATE REQUEST"),
    ),
    ...usageErrors((spec.usages ?? []) as readonly string[], "spec.usages"),
    ...(signerName === LEGACY_SIGNER
      ? [invalidValue("spec.signerName", signerName, legacy)]
      : validateSignerName("spec.signerName", signerName)),
    ...when(
      seconds !== undefined && seconds < SHORTEST_LIFE,
      invalidValue("spec.expirationSeconds", seconds, "may not specify a duration less than 600 seconds (10 minutes)"),
    ),
    ...conditionErrors(status.conditions ?? [], "status.conditions"),
    ...certificateErrors(status.certificate),
  ];
}

/** Which parts of a request a write may change. */
export interface RequestUpdate {
  readonly maySetDecision: boolean;
  readonly maySetCertificate: boolean;
}

function ofType(request: Request, type: string): Conditions {
  return (request.status?.conditions ?? []).filter((condition) => condition.type === type);
}

function decisionErrors(request: Request, old: Request, maySetDecision: boolean): readonly FieldError[] {
  const field = "status.conditions";
  return FINAL.flatMap((type) => {
    const [next, before] = [ofType(request, type), ofType(old, type)];
    const named = JSON.stringify(type);
    if (next.length < before.length)
      return [forbiddenField(field, `updates may not remove a condition of type ${named}`)];
    if (maySetDecision || type === "Failed") return [];
    if (next.length > before.length) return [forbiddenField(field, `updates may not add a condition of type ${named}`)];
    if (deepEqual(next, before)) return [];
    const text = `updates may not modify a condition of type ${named}\n${unifiedDiff(before, next)}`;
    return [forbiddenField(field, text)];
  });
}

/** An update of a request through one of its three doors: itself, approval, status. */
export function validateRequestUpdate(
  object: KubernetesObject,
  oldObject: KubernetesObject,
  { maySetDecision, maySetCertificate }: RequestUpdate,
): readonly FieldError[] {
  const [request, old] = [object as Request, oldObject as Request];
  const [next, before] = [request.status?.certificate ?? "", old.status?.certificate ?? ""];
  const field = "status.certificate";
  return [
    ...validateRequest(object),
    ...decisionErrors(request, old, maySetDecision),
    ...when(next !== before && !maySetCertificate, forbiddenField(field, "updates may not set certificate content")),
    ...when(
      next !== before && maySetCertificate && before !== "",
      forbiddenField(field, "updates may not modify existing certificate content"),
    ),
  ];
}
