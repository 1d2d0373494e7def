/** Arguments of one call: more would exhaust the stack. */
const CHUNK = 0x2000;

/** Standard base64 with padding. */
export function base64OfBytes(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += CHUNK) {
    // Spreading the bytes would be ten times slower.
    const part: string = Reflect.apply(String.fromCharCode, undefined, bytes.subarray(at, at + CHUNK));
    binary += part;
  }
  return btoa(binary);
}

/** Bytes of standard base64. Throws for other text. */
export function bytesOfBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
