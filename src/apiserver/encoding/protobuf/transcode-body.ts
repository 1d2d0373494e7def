import { badRequest, unsupportedMediaType } from "../../../api/status-error.ts";
import type { HttpRequest } from "../../../ports/http.ts";
import { createModelDecoder } from "./decode-model.ts";
import { ProtobufError, readFields } from "./wire.ts";

/** A kind that protobuf bodies may hold. */
export interface ProtobufKind {
  readonly apiVersion: string;
  readonly kind: string;
  /** e.g. "V1Pod" */
  readonly schema: string;
}

const MEDIA_TYPE = "application/vnd.kubernetes.protobuf";
/** What every protobuf body of the API begins with. */
const MAGIC = [0x6b, 0x38, 0x73, 0x00];

/**
 * Makes requests with a protobuf body readable for everybody else: the body reads as JSON, and says so. Other requests
 * are returned as they are.
 */
export type BodyTranscoder = (request: HttpRequest) => HttpRequest;

export function createBodyTranscoder(kinds: readonly ProtobufKind[]): BodyTranscoder {
  const schemas = new Map(kinds.map(({ apiVersion, kind, schema }) => [`${apiVersion} ${kind}`, schema]));
  const decode = createModelDecoder();
  const schemaOf = (apiVersion: string, kind: string): string => {
    if (kind === "DeleteOptions") return "V1DeleteOptions";
    const schema = schemas.get(`${apiVersion} ${kind}`);
    if (schema !== undefined) return schema;
    throw unsupportedMediaType(
      `the body of the request was in an unknown format (protobuf of ${kind} in ${apiVersion}) - accepted media types include: application/json, application/yaml`,
    );
  };
  const toJson = (body: Uint8Array): Uint8Array => {
    if (body.length === 0) return body;
    const { apiVersion, kind, raw } = readEnvelope(body);
    return new TextEncoder().encode(JSON.stringify({ apiVersion, kind, ...decode(schemaOf(apiVersion, kind), raw) }));
  };

  return (request) => {
    const [type = ""] = (request.headers["content-type"] ?? "").split(";");
    if (type.trim().toLowerCase() !== MEDIA_TYPE) return request;
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
      async body(limitBytes) {
        const body = await request.body(limitBytes);
        try {
          return toJson(body);
        } catch (reason) {
          if (reason instanceof ProtobufError) throw badRequest(`the body is no valid protobuf: ${reason.message}`);
          throw reason;
        }
      },
    };
  };
}

/** The type of the object inside, and its bytes. */
function readEnvelope(body: Uint8Array): {
  readonly apiVersion: string;
  readonly kind: string;
  readonly raw: Uint8Array;
} {
  if (MAGIC.some((byte, index) => body[index] !== byte)) {
    throw new ProtobufError("provided data does not appear to be a protobuf message, expected prefix k8s");
  }
  const decoder = new TextDecoder();
  let apiVersion = "";
  let kind = "";
  let raw: Uint8Array = new Uint8Array();
  for (const field of readFields(body.subarray(MAGIC.length))) {
    if (field.type !== "bytes") continue;
    if (field.number === 2) raw = field.bytes;
    else if (field.number === 1) {
      for (const part of readFields(field.bytes)) {
        if (part.type !== "bytes") continue;
        if (part.number === 1) apiVersion = decoder.decode(part.bytes);
        else if (part.number === 2) kind = decoder.decode(part.bytes);
      }
    } else if (field.number === 3 && field.bytes.length > 0) throw new ProtobufError("a content encoding");
  }
  return { apiVersion, kind, raw };
}
