import type { Socket } from "node:net";
import { type DetailedPeerCertificate, TLSSocket } from "node:tls";
import type { Peer } from "../../ports/http.ts";

/** No real chain is longer; a loop in what the library reports must end. */
const LONGEST_CHAIN = 10;

function chainOf(socket: TLSSocket): readonly Uint8Array[] {
  const chain: Uint8Array[] = [];
  let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (certificate?.raw !== undefined && chain.length < LONGEST_CHAIN) {
    chain.push(certificate.raw);
    const issuer: DetailedPeerCertificate | undefined = certificate.issuerCertificate;
    certificate = issuer === certificate || issuer?.raw?.equals(certificate.raw) === true ? undefined : issuer;
  }
  return chain;
}

/** Who is at the other end; read once when the connection is ready. */
export function peerOfSocket(socket: Socket): Peer {
  const encrypted = socket instanceof TLSSocket;
  return {
    address: socket.remoteAddress ?? "",
    port: socket.remotePort ?? 0,
    certificates: encrypted ? chainOf(socket) : [],
    encrypted,
  };
}
