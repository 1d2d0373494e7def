import { startCluster } from "../e2e/harness/cluster.ts";
import { adminClient, type AdminClient } from "./admin-client.ts";
import { load, type LoadResult, table } from "./statistics.ts";

const CLIENTS = 16;
const TOTAL = 20_000;
const BINDINGS = 5_000;

/** SubjectAccessReviews per second, with 0 and with 5,000 ClusterRoleBindings of other users. */
export async function accessReviews(): Promise<string> {
  const cluster = await startCluster({ args: ["--no-node"] });
  try {
    const client = await adminClient(cluster.kubeconfig, CLIENTS);
    const health = await load(CLIENTS, TOTAL, () =>
      client.request("GET", "/healthz").then(({ status }) => status === 200),
    );
    const before = await reviews(client);
    await load(CLIENTS, BINDINGS, (index) =>
      client
        .request("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
          apiVersion: "rbac.authorization.k8s.io/v1",
          kind: "ClusterRoleBinding",
          metadata: { name: `bench-${index}` },
          subjects: [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: `user-${index}` }],
          roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
        })
        .then(({ status }) => status === 201),
    );
    const after = await reviews(client);
    await client.close();
    const row = (what: string, result: LoadResult): (string | number)[] => [
      what,
      result.perSecond,
      result.p50,
      result.p99,
      (result.perSecond / health.perSecond).toFixed(2),
    ];
    return table(
      ["what", "per second", "p50 ms", "p99 ms", "ratio to /healthz"],
      [
        row(`GET /healthz, ${CLIENTS} clients`, health),
        row(`SubjectAccessReview, ${CLIENTS} clients, 0 other bindings`, before),
        row(`SubjectAccessReview, ${CLIENTS} clients, ${BINDINGS} other bindings`, after),
      ],
    );
  } finally {
    await cluster.destroy();
  }
}

function reviews(client: AdminClient): Promise<LoadResult> {
  return load(CLIENTS, TOTAL, (index) =>
    client
      .request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SubjectAccessReview",
        spec: {
          user: `system:serviceaccount:monitoring:agent-${index % 100}`,
          groups: ["system:serviceaccounts", "system:serviceaccounts:monitoring", "system:authenticated"],
          resourceAttributes: { verb: "get", version: "v1", resource: "nodes", subresource: "metrics", name: "node-1" },
        },
      })
      .then(({ status }) => status === 201),
  );
}
