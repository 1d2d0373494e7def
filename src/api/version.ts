/** Version of Orlop itself; the same as in package.json. */
export const ORLOP_VERSION = "0.1.0";

/** The Kubernetes release whose behaviour is implemented. */
export const KUBERNETES_VERSION = "1.36.2";

/** What `kubectl version` and `kubectl get nodes` show. */
export const GIT_VERSION = `v${KUBERNETES_VERSION}+orlop.${ORLOP_VERSION}`;
