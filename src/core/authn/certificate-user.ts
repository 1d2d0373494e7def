import { failed, ok, type Result } from "../../lib/result.ts";
import type { User } from "../../api/user.ts";

export const CREDENTIAL_ID = "authentication.kubernetes.io/credential-id";

/** What of a verified client certificate says who it is for. */
export interface CertificateSubject {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** undefined for one that is no text. */
  readonly uids: readonly (string | undefined)[];
  /** SHA-256 of the certificate, hex. */
  readonly sha256: string;
}

/** The user a certificate stands for; undefined when it names nobody. */
export function certificateUser(
  subject: CertificateSubject,
  options: { readonly readUid: boolean },
): Result<User | undefined> {
  const { commonName, organizations, uids, sha256 } = subject;
  if (commonName === "") return ok(undefined);
  const user: User = { name: commonName, groups: organizations, extra: { [CREDENTIAL_ID]: [`X509SHA256=${sha256}`] } };
  if (!options.readUid || uids.length === 0) return ok(user);
  if (uids.includes(undefined)) return failed("unable to parse UID into a string");
  const [uid, ...others] = uids;
  if (others.length > 0) return failed(`expected 1 UID, but found multiple: [${uids.join(" ")}]`);
  return uid === undefined || uid === "" ? failed("UID cannot be an empty string") : ok({ ...user, uid });
}
