/** What a runtime handler of the node can do, as far as it is known. */
export interface HandlerFeatures {
  readonly name: string;
  readonly userNamespaces: boolean;
}

export type UserNamespaceDecision =
  /** The pod shares the host's user namespace. */
  | { readonly mode: "node" }
  /** The pod gets IDs of its own. */
  | { readonly mode: "pod" }
  /** The pod asked for IDs of its own and can not have them: it must not run unprotected. */
  | { readonly mode: "refused"; readonly reason: string };

/**
 * Which user namespace a pod runs in (user-namespaces.md 4.5 and 5.1).
 *
 * @param handlers as the runtime reports them; empty for a runtime too old to report any
 * @param handler the pod's runtime handler, "" for the default
 */
export function decideUserNamespace(input: {
  readonly hostUsers: boolean | undefined;
  readonly gateEnabled: boolean;
  readonly handlers: readonly HandlerFeatures[];
  readonly handler: string;
}): UserNamespaceDecision {
  const { hostUsers, gateEnabled, handlers, handler } = input;
  if (!gateEnabled) {
    return hostUsers === undefined
      ? { mode: "node" }
      : { mode: "refused", reason: `the feature gate "UserNamespacesSupport" is disabled: can't set spec.HostUsers` };
  }
  if (hostUsers !== false) return { mode: "node" };
  const features = handlers.find(({ name }) => name === handler);
  if (features?.userNamespaces === true) return { mode: "pod" };
  const what =
    handler === ""
      ? "can't set `spec.hostUsers: false`, runtime does not support user namespaces"
      : `can't set \`spec.hostUsers: false\`, RuntimeClass handler "${handler}" does not support user namespaces`;
  const unknown = features === undefined && handlers.length > 0 ? `: the handler "${handler}" is not known` : "";
  return { mode: "refused", reason: `${what}${unknown}` };
}
