import { notAcceptable } from "../../api/status-error.ts";
import type { HttpRequest, HttpResponse } from "../../ports/http.ts";
import { hashOf } from "../encoding/hash.ts";
import { parseAccept } from "../encoding/negotiation.ts";
import { type DocumentedKind, openApiDocument } from "./document.ts";
import { swaggerDocument } from "./swagger-document.ts";
import { swaggerMessage } from "./swagger-message.ts";

const JSON_TYPE = "application/json";
const PROTOBUF_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
/** What client-go asks for: the older spelling, answered with the newer one. */
const OLDER_PROTOBUF_TYPE = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

interface Form {
  readonly type: string;
  readonly body: string | Uint8Array;
}

/** Answers /openapi/v2, in JSON and as client-go reads it. The document is made when it is first asked for. */
export function createSwagger(kinds: readonly DocumentedKind[]): (request: HttpRequest) => HttpResponse {
  let made: { readonly etag: string; readonly json: Form; readonly protobuf: Form } | undefined;
  const make = (): NonNullable<typeof made> => {
    const document = swaggerDocument(openApiDocument(kinds));
    const body = JSON.stringify(document);
    return {
      etag: `"${hashOf(body)}"`,
      json: { type: JSON_TYPE, body },
      protobuf: { type: PROTOBUF_TYPE, body: swaggerMessage(document) },
    };
  };

  return (request) => {
    const wanted = wantedForm(request.headers["accept"] ?? "");
    made ??= make();
    const { type, body } = made[wanted];
    const headers = { "Content-Type": type, ETag: made.etag, Vary: "Accept" };
    if (request.headers["if-none-match"] === made.etag) return { status: 304, headers };
    return { status: 200, headers, body };
  };
}

function wantedForm(accept: string): "json" | "protobuf" {
  if (accept.trim() === "") return "json";
  for (const { type } of parseAccept(accept)) {
    if (type === "*/*" || type === "application/*" || type === JSON_TYPE) return "json";
    if (type === PROTOBUF_TYPE || type === OLDER_PROTOBUF_TYPE) return "protobuf";
  }
  throw notAcceptable(`only the following media types are accepted: ${JSON_TYPE}, ${PROTOBUF_TYPE}`);
}
