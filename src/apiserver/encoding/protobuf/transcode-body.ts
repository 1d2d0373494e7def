import { PROTOBUF_MEDIA_TYPE, decodeMessage, readEnvelope } from "../../../api/protobuf/index.ts";
import { badRequest } from "../../../api/status-error.ts";
import type { HttpRequest } from "../../../ports/http.ts";

/** A kind that protobuf bodies may hold. */
export interface ProtobufKind {
  readonly apiVersion: string;
  readonly kind: string;
  /** e.g. "V1Pod" */
  readonly schema: string;
}

/**
 * Makes requests with a protobuf body readable for everybody else: the body reads as JSON, and says so. Other requests
 * are returned as they are. Reading a body that is no object of one of the kinds throws StatusError 400.
 */
export type BodyTranscoder = (request: HttpRequest) => HttpRequest;

/** How many bytes of a body are shown in an error. */
const SUMMARY_LENGTH = 30;

export function createBodyTranscoder(kinds: readonly ProtobufKind[]): BodyTranscoder {
  const schemas = new Map(kinds.map(({ apiVersion, kind, schema }) => [`${apiVersion} ${kind}`, schema]));
  const encoder = new TextEncoder();
  const toJson = (body: Uint8Array): Uint8Array => {
    if (body.length === 0) return body;
    const envelope = readEnvelope(body);
    if (!envelope.ok) throw badRequest(`the object provided is unrecognized: ${envelope.reason} (${summaryOf(body)})`);
    const { apiVersion, kind, raw } = envelope.value;
    // Delete options are of no group: clients send them in the version of what they delete.
    const schema = kind === "DeleteOptions" ? "V1DeleteOptions" : schemas.get(`${apiVersion} ${kind}`);
    if (schema === undefined) {
      throw cannotBeHandled(
        envelope.value,
        `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`,
      );
    }
    const object = decodeMessage(schema, raw);
    if (!object.ok) throw cannotBeHandled(envelope.value, object.reason);
    return encoder.encode(JSON.stringify({ apiVersion, kind, ...object.value }));
  };

  return (request) => {
    const [type = ""] = (request.headers["content-type"] ?? "").split(";");
    if (type.trim().toLowerCase() !== PROTOBUF_MEDIA_TYPE) return request;
    return {
      method: request.method,
      target: request.target,
      path: request.path,
      query: request.query,
      headers: { ...request.headers, "content-type": "application/json" },
      httpVersion: request.httpVersion,
      peer: request.peer,
      signal: request.signal,
      ...(request.upgrade !== undefined && { upgrade: request.upgrade }),
      body: async (limitBytes) => toJson(await request.body(limitBytes)),
    };
  };
}

function cannotBeHandled(
  { apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
  why: string,
): Error {
  const version = apiVersion.split("/").at(-1) ?? "";
  return badRequest(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${why}`);
}

function summaryOf(body: Uint8Array): string {
  const shown = Array.from(body.subarray(0, SUMMARY_LENGTH), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return body.length > SUMMARY_LENGTH ? `${shown} ...` : shown;
}
