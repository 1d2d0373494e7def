import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Result } from "../../lib/result.ts";
import { failed } from "../../lib/result.ts";
import { decodeUtf8, eachField, endOfValue, expectWireType } from "./decode-scalar.ts";
import { reading } from "./malformed.ts";

export const PROTOBUF_MEDIA_TYPE = "application/vnd.kubernetes.protobuf";

/** `k8s` and a zero byte. */
const MAGIC = [0x6b, 0x38, 0x73, 0x00] as const;

/** What is around the message of an object (runtime.Unknown). Absent texts are "". */
export interface Envelope {
  readonly apiVersion: string;
  readonly kind: string;
  /** The message. */
  readonly raw: Uint8Array;
}

/** Opens the envelope of a body, or says why the bytes are none. */
export function readEnvelope(bytes: Uint8Array): Result<Envelope> {
  if (bytes.length === 0) return failed("empty data");
  if (MAGIC.some((byte, at) => bytes[at] !== byte)) {
    return failed(`provided data does not appear to be a protobuf message, expected prefix [${MAGIC.join(" ")}]`);
  }
  if (bytes.length === MAGIC.length) return failed("empty body");
  return reading(() => {
    const reader = new BinaryReader(bytes.subarray(MAGIC.length), decodeUtf8);
    let apiVersion = "";
    let kind = "";
    let raw: Uint8Array = new Uint8Array();
    eachField(reader, reader.len, (number, wireType) => {
      if (number !== 1 && number !== 2) return false;
      expectWireType(wireType, WireType.LengthDelimited, number === 1 ? "typeMeta" : "raw");
      if (number === 2) {
        raw = reader.bytes();
        return true;
      }
      eachField(reader, endOfValue(reader, reader.len), (inner, innerWireType) => {
        if (inner !== 1 && inner !== 2) return false;
        expectWireType(innerWireType, WireType.LengthDelimited, inner === 1 ? "apiVersion" : "kind");
        if (inner === 1) apiVersion = reader.string();
        else kind = reader.string();
        return true;
      });
      return true;
    });
    return { apiVersion, kind, raw };
  });
}

/** The bytes of a body. */
export function writeEnvelope({ apiVersion, kind, raw }: Envelope): Uint8Array {
  return new BinaryWriter()
    .raw(Uint8Array.from(MAGIC))
    .tag(1, WireType.LengthDelimited)
    .fork()
    .tag(1, WireType.LengthDelimited)
    .string(apiVersion)
    .tag(2, WireType.LengthDelimited)
    .string(kind)
    .join()
    .tag(2, WireType.LengthDelimited)
    .bytes(raw)
    .finish();
}
