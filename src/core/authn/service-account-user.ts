import { serviceAccountUserName, type User } from "../../api/user.ts";
import { CREDENTIAL_ID } from "./certificate-user.ts";

const PREFIX = "authentication.kubernetes.io/";

/** A reference inside a token. */
export interface ClaimedObject {
  readonly name: string;
  readonly uid: string;
}

export interface ServiceAccountIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly pod?: ClaimedObject;
  /** The uid is "" for a node that did not exist when the token was made. */
  readonly node?: ClaimedObject;
  /** Id of the token itself. */
  readonly tokenId?: string;
}

/** The user a ServiceAccount token stands for, with what it is bound to. */
export function serviceAccountUser({ namespace, name, uid, pod, node, tokenId }: ServiceAccountIdentity): User {
  return {
    name: serviceAccountUserName(namespace, name),
    uid,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`],
    extra: {
      ...(tokenId !== undefined && tokenId !== "" && { [CREDENTIAL_ID]: [`JTI=${tokenId}`] }),
      ...(node !== undefined && { [`${PREFIX}node-name`]: [node.name] }),
      ...(node !== undefined && node.uid !== "" && { [`${PREFIX}node-uid`]: [node.uid] }),
      ...(pod !== undefined && { [`${PREFIX}pod-name`]: [pod.name], [`${PREFIX}pod-uid`]: [pod.uid] }),
    },
  };
}
