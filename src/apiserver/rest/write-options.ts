import { forbiddenField, invalidValue, notSupported } from "../../api/field-error.ts";
import { validateFieldManager } from "../../api/object-meta.ts";
import { badRequest, invalid } from "../../api/status-error.ts";
import type { FieldError } from "../../api/status-error.ts";
import type { HttpRequest } from "../../ports/http.ts";
import { MalformedBody, mediaTypeOf, parseBody, readText } from "../encoding/body.ts";
import type { FieldValidation } from "../encoding/decode-object.ts";
import { isTrue } from "../request-info.ts";
import type { DeleteOptions } from "../resources/deletion.ts";

export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldValidation: FieldValidation;
}

const FIELD_VALIDATIONS = ["Ignore", "Strict", "Warn"] as const;

/**
 * Reads the query of a create, update or patch.
 *
 * @param kind e.g. "CreateOptions", for the error
 * @throws StatusError 422
 */
export function parseWriteOptions(
  query: URLSearchParams,
  kind: "CreateOptions" | "UpdateOptions" | "PatchOptions",
): WriteOptions {
  const validation = query.get("fieldValidation") ?? "";
  const known = FIELD_VALIDATIONS.find((each) => each === validation);
  const errors: FieldError[] = [];
  if (kind === "PatchOptions" && query.has("force")) {
    errors.push(forbiddenField("force", "may not be specified for non-apply patch"));
  }
  errors.push(
    ...validateFieldManager(query.get("fieldManager") ?? "", "fieldManager"),
    ...dryRunProblems(query.getAll("dryRun")),
  );
  if (known === undefined && validation !== "") {
    errors.push(notSupported("fieldValidation", validation, ["", ...FIELD_VALIDATIONS]));
  }
  if (errors.length > 0) throw invalid({ group: "meta.k8s.io", kind }, "", errors);
  return { dryRun: query.has("dryRun"), fieldValidation: known ?? "Warn" };
}

function dryRunProblems(dryRun: readonly string[]): readonly FieldError[] {
  return dryRun.every((value) => value === "All") ? [] : [notSupported("dryRun", dryRun, ["All"])];
}

export interface ParsedDeleteOptions extends DeleteOptions {
  readonly dryRun: boolean;
}

/** Delete options from the body, or from the query when there is no body. Throws StatusError 400, 415 or 422. */
export async function readDeleteOptions(request: HttpRequest): Promise<ParsedDeleteOptions> {
  const text = await readText(request);
  const sent = text === "" ? fromQuery(request.query) : fromBody(text, mediaTypeOf(request));
  const options: ParsedDeleteOptions = { ...sent, dryRun: sent.dryRun.length > 0 };
  const errors: FieldError[] = [];
  const { propagationPolicy: policy } = options;
  if (policy !== undefined && options.orphanDependents !== undefined) {
    errors.push(
      invalidValue("propagationPolicy", policy, "orphanDependents and deletionPropagation cannot be both set"),
    );
  }
  if (policy !== undefined && !["Foreground", "Background", "Orphan"].includes(policy)) {
    errors.push(notSupported("propagationPolicy", policy, ["Foreground", "Background", "Orphan", "nil"]));
  }
  errors.push(...dryRunProblems(sent.dryRun));
  if (errors.length > 0) throw invalid({ group: "meta.k8s.io", kind: "DeleteOptions" }, "", errors);
  return options;
}

type SentDeleteOptions = DeleteOptions & { readonly dryRun: readonly string[] };

function fromQuery(query: URLSearchParams): SentDeleteOptions {
  const grace = query.get("gracePeriodSeconds");
  if (grace !== null && !/^-?\d{1,15}$/.test(grace)) {
    throw badRequest(`gracePeriodSeconds: strconv.ParseInt: parsing ${JSON.stringify(grace)}: invalid syntax`);
  }
  const policy = query.get("propagationPolicy");
  return {
    dryRun: query.getAll("dryRun"),
    ...(grace !== null && { gracePeriodSeconds: Number(grace) }),
    ...(policy !== null && { propagationPolicy: policy }),
    ...(query.has("orphanDependents") && { orphanDependents: isTrue(query, "orphanDependents") }),
  };
}

function fromBody(text: string, mediaType: string): SentDeleteOptions {
  const value = parsed(text, mediaType);
  if (typeof value !== "object" || value === null) throw badRequest("the body of the request must be DeleteOptions");
  const sent = value as Readonly<Record<string, unknown>>;
  const { kind, gracePeriodSeconds, propagationPolicy, orphanDependents, preconditions, dryRun } = sent;
  if (kind !== undefined && kind !== "" && kind !== "DeleteOptions") {
    throw badRequest(`no kind ${JSON.stringify(kind)} is known for delete options`);
  }
  const { uid, resourceVersion } = (preconditions ?? {}) as Readonly<Record<string, unknown>>;
  expectType("gracePeriodSeconds", gracePeriodSeconds, "number");
  expectType("propagationPolicy", propagationPolicy, "string");
  expectType("orphanDependents", orphanDependents, "boolean");
  expectType("preconditions.uid", uid, "string");
  expectType("preconditions.resourceVersion", resourceVersion, "string");
  return {
    dryRun: Array.isArray(dryRun) ? dryRun.map(String) : [],
    ...(typeof gracePeriodSeconds === "number" && { gracePeriodSeconds }),
    ...(typeof propagationPolicy === "string" && { propagationPolicy }),
    ...(typeof orphanDependents === "boolean" && { orphanDependents }),
    preconditions: {
      ...(typeof uid === "string" && { uid }),
      ...(typeof resourceVersion === "string" && { resourceVersion }),
    },
  };
}

function parsed(text: string, mediaType: string): unknown {
  try {
    return parseBody(text, mediaType).value;
  } catch (reason) {
    if (reason instanceof MalformedBody) throw badRequest(reason.message);
    throw reason;
  }
}

function expectType(field: string, value: unknown, type: "number" | "string" | "boolean"): void {
  if (value === undefined || value === null || typeof value === type) return;
  const goType = { number: "int64", string: "string", boolean: "bool" }[type];
  throw badRequest(
    `json: cannot unmarshal ${typeof value} into Go struct field DeleteOptions.${field} of type ${goType}`,
  );
}
