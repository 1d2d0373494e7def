import type { Status } from "./types.ts";

/** A problem with one field of an object. The texts are those of Kubernetes' field errors. */
export interface FieldError {
  readonly type:
    | "FieldValueRequired"
    | "FieldValueInvalid"
    | "FieldValueNotSupported"
    | "FieldValueForbidden"
    | "FieldValueDuplicate"
    | "FieldValueNotFound"
    | "FieldValueTooLong"
    | "FieldValueTooMany"
    | "FieldValueTypeInvalid"
    | "InternalError";
  /** e.g. `spec.containers[0].image` */
  readonly field: string;
  /** Full text without the field, e.g. `Invalid value: "x": must be …`. */
  readonly message: string;
}

/** A Kubernetes API failure that knows its metav1.Status. */
export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly status: Status;
  /** Extra response headers (Retry-After, …). */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: Status,
    options: { readonly cause?: unknown; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(
      status.message ?? status.reason ?? `status ${status.code ?? 500}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.status = status;
    this.headers = options.headers ?? {};
  }

  get code(): number {
    return this.status.code ?? 500;
  }

  get reason(): string {
    return this.status.reason ?? "";
  }
}

export interface ResourceName {
  readonly group: string;
  readonly resource: string;
}

function qualified({ group, resource }: ResourceName): string {
  return group === "" ? resource : `${resource}.${group}`;
}

function failure(code: number, reason: string, message: string, details?: Status["details"]): StatusError {
  return new StatusError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason,
    ...(details !== undefined && { details }),
    code,
  });
}

function detailsOf(resource: ResourceName, name: string): NonNullable<Status["details"]> {
  return {
    ...(name !== "" && { name }),
    ...(resource.group !== "" && { group: resource.group }),
    kind: resource.resource,
  };
}

export function notFound(resource: ResourceName, name: string): StatusError {
  return failure(404, "NotFound", `${qualified(resource)} "${name}" not found`, detailsOf(resource, name));
}

/** The path itself means nothing to this server. */
export function unknownPath(): StatusError {
  return failure(404, "NotFound", "the server could not find the requested resource", {});
}

export function alreadyExists(resource: ResourceName, name: string): StatusError {
  return failure(409, "AlreadyExists", `${qualified(resource)} "${name}" already exists`, detailsOf(resource, name));
}

export function conflict(resource: ResourceName, name: string, why: string): StatusError {
  return failure(
    409,
    "Conflict",
    `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`,
    detailsOf(resource, name),
  );
}

export function forbidden(resource: ResourceName, name: string, why: string): StatusError {
  const what = name === "" ? `${qualified(resource)} is forbidden` : `${qualified(resource)} "${name}" is forbidden`;
  return failure(403, "Forbidden", `${what}: ${why}`, detailsOf(resource, name));
}

/** A refusal with a text of its own. */
export function forbiddenMessage(message: string): StatusError {
  return failure(403, "Forbidden", message, {});
}

export function unauthorized(): StatusError {
  return failure(401, "Unauthorized", "Unauthorized");
}

export function badRequest(message: string): StatusError {
  return failure(400, "BadRequest", message);
}

/** The resource is there, but not for this HTTP method. */
export function methodNotAllowed(): StatusError {
  return failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {});
}

export function methodNotSupported(resource: ResourceName, action: string): StatusError {
  return failure(
    405,
    "MethodNotAllowed",
    `${action} is not supported on resources of kind "${qualified(resource)}"`,
    detailsOf(resource, ""),
  );
}

export function invalid(
  kind: { readonly group: string; readonly kind: string },
  name: string,
  errors: readonly FieldError[],
): StatusError {
  const qualifiedKind = kind.group === "" ? kind.kind : `${kind.kind}.${kind.group}`;
  const texts = errors.map((error) => `${error.field}: ${error.message}`);
  const list = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  return failure(422, "Invalid", `${qualifiedKind} "${name}" is invalid: ${list ?? "<nil>"}`, {
    ...(name !== "" && { name }),
    ...(kind.group !== "" && { group: kind.group }),
    kind: kind.kind,
    causes: errors.map((error) => ({ reason: error.type, message: error.message, field: error.field })),
  });
}

/** The resource version asked for has been compacted away. */
export function expired(message: string): StatusError {
  return failure(410, "Expired", message);
}

export function unsupportedMediaType(message: string): StatusError {
  return failure(415, "UnsupportedMediaType", message);
}

export function notAcceptable(message: string): StatusError {
  return failure(406, "NotAcceptable", message);
}

export function requestEntityTooLarge(message: string): StatusError {
  return failure(413, "RequestEntityTooLarge", message);
}

export function tooManyRequests(message: string, retryAfterSeconds: number): StatusError {
  const { status } = failure(429, "TooManyRequests", message, { retryAfterSeconds });
  return new StatusError(status, { headers: { "Retry-After": String(retryAfterSeconds) } });
}

export function internalError(cause: unknown): StatusError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const { status } = failure(500, "InternalError", `Internal error occurred: ${text}`, { causes: [{ message: text }] });
  return new StatusError(status, { cause });
}
