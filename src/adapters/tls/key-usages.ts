import { OrlopError } from "../../lib/orlop-error.ts";
import { KeyUsageFlags } from "./x509-library.ts";

const FLAGS: ReadonlyMap<string, number> = new Map([
  ["signing", KeyUsageFlags.digitalSignature],
  ["digital signature", KeyUsageFlags.digitalSignature],
  ["content commitment", KeyUsageFlags.nonRepudiation],
  ["key encipherment", KeyUsageFlags.keyEncipherment],
  ["key agreement", KeyUsageFlags.keyAgreement],
  ["data encipherment", KeyUsageFlags.dataEncipherment],
  ["cert sign", KeyUsageFlags.keyCertSign],
  ["crl sign", KeyUsageFlags.cRLSign],
  ["encipher only", KeyUsageFlags.encipherOnly],
  ["decipher only", KeyUsageFlags.decipherOnly],
]);

const EXTENDED: ReadonlyMap<string, string> = new Map([
  ["any", "2.5.29.37.0"],
  ["server auth", "1.3.6.1.5.5.7.3.1"],
  ["client auth", "1.3.6.1.5.5.7.3.2"],
  ["code signing", "1.3.6.1.5.5.7.3.3"],
  ["email protection", "1.3.6.1.5.5.7.3.4"],
  ["s/mime", "1.3.6.1.5.5.7.3.4"],
  ["ipsec end system", "1.3.6.1.5.5.7.3.5"],
  ["ipsec tunnel", "1.3.6.1.5.5.7.3.6"],
  ["ipsec user", "1.3.6.1.5.5.7.3.7"],
  ["timestamping", "1.3.6.1.5.5.7.3.8"],
  ["ocsp signing", "1.3.6.1.5.5.7.3.9"],
  ["microsoft sgc", "1.3.6.1.4.1.311.10.3.3"],
  ["netscape sgc", "2.16.840.1.113730.4.1"],
]);

/** Kubernetes' names of key usages as X.509 has them: bits and OIDs. Throws OrlopError Invalid for unknown names. */
export function keyUsages(names: readonly string[]): { readonly flags: number; readonly extended: readonly string[] } {
  let flags = 0;
  const extended = new Set<string>();
  const unknown: string[] = [];
  for (const name of names) {
    const flag = FLAGS.get(name);
    const oid = EXTENDED.get(name);
    if (flag !== undefined) flags |= flag;
    else if (oid !== undefined) extended.add(oid);
    else unknown.push(name);
  }
  if (unknown.length > 0) {
    throw new OrlopError(
      "Invalid",
      `unrecognized usage values: [${unknown.map((name) => JSON.stringify(name)).join(" ")}]`,
    );
  }
  return { flags, extended: [...extended].sort() };
}
