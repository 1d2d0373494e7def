export { decodeMessage } from "./decode.ts";
export { encodeMessage } from "./encode.ts";
export { PROTOBUF_MEDIA_TYPE, readEnvelope, writeEnvelope } from "./envelope.ts";
