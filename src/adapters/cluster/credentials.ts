import { readFile } from "node:fs/promises";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ClusterConnection, Material } from "./connection.ts";

/** Contents of everything a connection names, as of now. */
export interface Credentials {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
}

/** How long what was read is used before files are looked at again. */
const FRESH_MS = 60_000;

/**
 * Reads the credentials, files again after a minute, as certificates and tokens rotate. When a file can not be read any
 * more, what was read before stays in use.
 *
 * The returned value is the same object as long as nothing changed.
 */
export function createCredentialReader(connection: ClusterConnection, clock: Clock): () => Promise<Credentials> {
  let known: Credentials | undefined;
  let readAt = 0;
  let reading: Promise<Credentials> | undefined;

  const readNow = async (): Promise<Credentials> => {
    try {
      const next = await readCredentials(connection);
      if (known === undefined || JSON.stringify(next) !== JSON.stringify(known)) known = next;
    } catch (reason) {
      if (known === undefined) throw reason;
    }
    readAt = clock.monotonic();
    return known;
  };

  return async () => {
    if (known !== undefined && clock.monotonic() - readAt < FRESH_MS) return known;
    reading ??= readNow().finally(() => {
      reading = undefined;
    });
    return reading;
  };
}

async function readCredentials(connection: ClusterConnection): Promise<Credentials> {
  const certificate = textOf(connection.clientCertificate, "client certificate");
  const [ca, cert, key, token] = await Promise.all([
    textOf(connection.certificateAuthority, "certificate authority"),
    certificate,
    // Certificate and key in one file are read in one go: it may be replaced in between.
    sameFile(connection.clientCertificate, connection.clientKey)
      ? certificate
      : textOf(connection.clientKey, "client key"),
    textOf(connection.token, "token"),
  ]);
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(token !== undefined && { token: token.trim() }),
  };
}

function sameFile(left: Material | undefined, right: Material | undefined): boolean {
  return left !== undefined && right !== undefined && "file" in left && "file" in right && left.file === right.file;
}

async function textOf(material: Material | undefined, what: string): Promise<string | undefined> {
  if (material === undefined) return undefined;
  if ("text" in material) return material.text;
  try {
    return await readFile(material.file, "utf8");
  } catch (cause) {
    throw new OrlopError("Invalid", `The ${what} file ${material.file} can not be read: ${messageOf(cause)}`, {
      cause,
    });
  }
}
