const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

function isGlobalIpv4(octets: readonly number[]): boolean {
  const [first = 0, second = 0] = octets;
  if (octets.some((octet) => octet > 255)) return false;
  const linkLocal = first === 169 && second === 254;
  const multicast = first >= 224 && first < 240;
  return !linkLocal && !multicast && first !== 127 && octets.some((octet) => octet !== 0) && !isBroadcast(octets);
}

function isBroadcast(octets: readonly number[]): boolean {
  return octets.every((octet) => octet === 255);
}

/**
 * Whether the API server may connect to this address for a user: only global unicast addresses (private ones count).
 * Loopback and link-local would reach services of this machine and of the cloud that trust their callers.
 */
export function isProxyableAddress(address: string): boolean {
  const v4 = IPV4.exec(address);
  if (v4 !== null) return isGlobalIpv4(v4.slice(1).map(Number));
  if (!address.includes(":") || !URL.canParse(`http://[${address}]/`)) return false;
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  if (canonical === "::" || canonical === "::1") return false;
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (mapped !== null) {
    const [high = 0, low = 0] = mapped.slice(1).map((text) => Number.parseInt(text, 16));
    return isGlobalIpv4([high >> 8, high & 0xff, low >> 8, low & 0xff]);
  }
  const first = Number.parseInt(canonical.split(":")[0] || "0", 16);
  const linkLocal = (first & 0xffc0) === 0xfe80;
  const multicast = first >> 8 === 0xff;
  return !linkLocal && !multicast;
}
