import { messageOf } from "../../lib/orlop-error.ts";
import type { User } from "../../api/user.ts";
import {
  type ConnectMode,
  classifyKubeletRequest,
  type KubeletRequestClass,
  nodeAttributes,
  type NodeSubresource,
} from "../../core/authz/kubelet-request.ts";
import type { HttpRequest } from "../../ports/http.ts";
import type { Log } from "../../ports/log.ts";
import type { KubeletAuthentication } from "../authentication/authenticator.ts";
import type { ReviewAccess } from "./access-reviews.ts";

/** The decision about one request with everything metrics and the trail want to know. */
export type AccessVerdict =
  | {
      readonly access: "granted";
      readonly user: User;
      readonly verb: string;
      /** The subresource of "nodes" that granted it. */
      readonly subresource: NodeSubresource;
      /** Whether a narrower subresource was tried before and not granted. */
      readonly fallback: boolean;
      /** The API server's words. */
      readonly reason: string;
      /** Mode warn let a caller through who holds `get` where `create` should be needed. */
      readonly getOnly?: boolean;
    }
  | { readonly access: "unauthenticated" }
  | {
      readonly access: "forbidden";
      readonly user: User;
      readonly verb: string;
      readonly subresources: readonly NodeSubresource[];
      /** Holds `get` where the connect rule asks for `create`. */
      readonly getOnly?: boolean;
    }
  | {
      readonly access: "error";
      readonly user: User;
      readonly verb: string;
      readonly subresource: NodeSubresource;
      readonly reason: string;
    };

export interface CheckAccessDeps {
  readonly authenticate: (request: HttpRequest) => Promise<KubeletAuthentication>;
  /** Absent in mode AlwaysAllow. */
  readonly reviewAccess?: ReviewAccess;
  readonly log: Log;
}

export interface CheckAccessOptions {
  readonly nodeName: string;
  /** Gate KubeletFineGrainedAuthz. */
  readonly fineGrained: boolean;
  readonly connectMode: ConnectMode;
}

type Outcome =
  | {
      readonly type: "allowed";
      readonly subresource: NodeSubresource;
      readonly fallback: boolean;
      readonly reason: string;
    }
  | { readonly type: "refused" }
  | { readonly type: "failed"; readonly subresource: NodeSubresource; readonly reason: string };

/**
 * Authenticates and authorises one request to the kubelet, on its method and its one parsed path: subresources in order,
 * the first that is allowed is enough, and a failure to ask ends it there (an outage must not turn into a way around
 * the narrower check). See kubelet-api.md, sections 2.4 and 11.3.
 */
export function createCheckAccess(
  deps: CheckAccessDeps,
  options: CheckAccessOptions,
): (request: HttpRequest) => Promise<AccessVerdict> {
  const { authenticate, reviewAccess, log } = deps;
  const { nodeName, connectMode } = options;

  return async (request) => {
    const who = await authenticate(request);
    if (who.type === "refused") {
      if (who.problems.length > 0) {
        log.info("Unable to authenticate the request", { problems: who.problems, address: request.peer.address });
      }
      return { access: "unauthenticated" };
    }
    const { user } = who;
    const wanted = classifyKubeletRequest(request.method, request.path, options);
    const verb = connectMode === "legacy" ? wanted.methodVerb : wanted.verb;
    const [first] = wanted.subresources;
    if (reviewAccess === undefined) {
      return { access: "granted", user, verb, subresource: first, fallback: false, reason: "mode AlwaysAllow" };
    }

    const tryAll = async (asked: string): Promise<Outcome> => {
      for (const subresource of wanted.subresources) {
        const attributes = nodeAttributes(user, asked, subresource, nodeName);
        try {
          const { decision, reason } = await reviewAccess(attributes, request);
          if (decision === "allow") return { type: "allowed", subresource, fallback: subresource !== first, reason };
        } catch (reason) {
          return { type: "failed", subresource, reason: messageOf(reason) };
        }
      }
      return { type: "refused" };
    };

    const outcome = await tryAll(verb);
    switch (outcome.type) {
      case "allowed": {
        const { subresource, fallback, reason } = outcome;
        return { access: "granted", user, verb, subresource, fallback, reason };
      }
      case "failed": {
        const { subresource, reason } = outcome;
        log.error("Authorization error", { user: user.name, verb, subresource, reason });
        return { access: "error", user, verb, subresource, reason };
      }
      case "refused":
        return await refused(request, user, wanted, verb, tryAll);
    }
  };

  async function refused(
    request: HttpRequest,
    user: User,
    wanted: KubeletRequestClass,
    verb: string,
    tryAll: (asked: string) => Promise<Outcome>,
  ): Promise<AccessVerdict> {
    const { subresources, methodVerb, action } = wanted;
    const ruled = action === "connect" && verb !== methodVerb && methodVerb !== "";
    const byMethod = ruled ? await tryAll(methodVerb) : undefined;
    const fields = { user: user.name, verb, path: request.path, subresources };
    if (byMethod?.type !== "allowed") {
      log.debug("Forbidden", fields);
      return { access: "forbidden", user, verb, subresources };
    }
    const text = `${methodVerb} nodes/${byMethod.subresource} does not allow to reach into containers, that needs create`;
    if (connectMode !== "warn") {
      log.warn(text, fields);
      return { access: "forbidden", user, verb, subresources, getOnly: true };
    }
    log.warn(`${text}; let through in mode warn`, fields);
    const { subresource, fallback, reason } = byMethod;
    return { access: "granted", user, verb: methodVerb, subresource, fallback, reason, getOnly: true };
  }
}
