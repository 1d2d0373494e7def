import { OrlopError } from "../../lib/orlop-error.ts";

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]*?)-----END \1-----/g;

/** The DER contents of all blocks with this label ("CERTIFICATE"), in order. Text around blocks is ignored. */
export function decodePem(text: string, label: string): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  for (const [, blockLabel, body] of text.matchAll(BLOCK)) {
    if (blockLabel === label && body !== undefined) found.push(new Uint8Array(Buffer.from(body, "base64")));
  }
  return found;
}

/** Throws OrlopError Invalid when there is no such block. */
export function decodeFirstPem(text: string, label: string): Uint8Array {
  const [first] = decodePem(text, label);
  if (first === undefined) throw new OrlopError("Invalid", `Cannot find a PEM block of type "${label}"`);
  return first;
}

export function encodePem(der: Uint8Array, label: string): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
