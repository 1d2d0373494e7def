import { createSecureContext } from "node:tls";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";

/** TLS named groups by their number, which is also Go's CurveID, and OpenSSL's names for them. */
const GROUPS: ReadonlyMap<number, string> = new Map([
  [23, "P-256"],
  [24, "P-384"],
  [25, "P-521"],
  [29, "X25519"],
  [4587, "SecP256r1MLKEM768"],
  [4588, "X25519MLKEM768"],
  [4589, "SecP384r1MLKEM1024"],
]);
const LARGEST = 65_535;

/**
 * OpenSSL's list of key exchange groups for tlsCurvePreferences; undefined for none given, which leaves the choice to
 * OpenSSL. Throws OrlopError Invalid for a number nobody knows or this process can not do.
 */
export function opensslGroups(preferences: readonly number[]): string | undefined {
  if (preferences.length === 0) return undefined;
  const names = preferences.map((id, index) => {
    if (id <= 0 || id > LARGEST) throw refusal(`${id} is out of range (must be 1-${LARGEST})`);
    if (preferences.indexOf(id) !== index) throw refusal(`${id} is given twice`);
    const name = GROUPS.get(id);
    if (name === undefined) throw refusal(`${id} is not known; known are ${[...GROUPS.keys()].join(", ")}`);
    return name;
  });
  for (const [index, name] of names.entries()) {
    try {
      createSecureContext({ ecdhCurve: name });
    } catch (cause) {
      const { openssl = "" } = process.versions;
      throw refusal(
        `${preferences[index]} (${name}) is not in OpenSSL ${openssl} of this Node.js: ${messageOf(cause)}`,
      );
    }
  }
  return names.join(":");
}

function refusal(why: string): OrlopError {
  return new OrlopError("Invalid", `curve preference ${why}`);
}
