import { networkInterfaces } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type TestCluster } from "./harness/cluster.ts";
import { kubectlFor, type Kubectl } from "./harness/kubectl-runner.ts";

const SERVICE_ACCOUNT = `
apiVersion: v1
kind: ServiceAccount
metadata:
  name: kubelet-metrics-checker
  namespace: default
`;
const CLUSTER_ROLE = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: kubelet-metrics-reader
rules:
- apiGroups: [""]
  resources: ["nodes/metrics"]
  verbs: ["get"]
`;
const CLUSTER_ROLE_BINDING = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: kubelet-metrics-checker
subjects:
- kind: ServiceAccount
  name: kubelet-metrics-checker
  namespace: default
roleRef:
  kind: ClusterRole
  name: kubelet-metrics-reader
  apiGroup: rbac.authorization.k8s.io
`;

/** "Verifying the feature is enabled" of the announcement, steps 1 to 3, as a person types it. */
describe("the walkthrough of fine-grained kubelet authorization", () => {
  let cluster: TestCluster;
  let kubectl: Kubectl;
  let nodeIp = "";

  beforeAll(async () => {
    cluster = await startCluster();
    kubectl = await kubectlFor(cluster);
  });
  afterAll(() => cluster?.destroy());

  async function insidePod(lines: readonly string[]): Promise<string> {
    const { stdout } = await kubectl.terminal(
      [
        "run",
        "kubelet-check",
        "--image=curlimages/curl",
        // The announcement's --serviceaccount was removed from kubectl years ago; this is what replaced it.
        `--overrides={"spec":{"serviceAccountName":"kubelet-metrics-checker"}}`,
        "--restart=Never",
        "--rm",
        "-it",
        "--",
        "sh",
      ],
      [...lines, "exit", ""].join("\n"),
      { timeout: 120_000 },
    );
    return stdout;
  }

  const query = (): string[] => [
    "TOKEN=$(cat /var/run/secrets/kubernetes.io/serviceaccount/token)",
    `NODE_IP=${nodeIp}`,
    `curl -sk -w 'status=%{http_code}\\n' --header "Authorization: Bearer $TOKEN" https://$NODE_IP:${cluster.kubeletPort}/metrics | grep -E 'status=|KubeletFineGrainedAuthz|Forbidden'`,
  ];

  it("kubectl get nodes -o wide shows an address of this machine", async () => {
    const lines = (await kubectl.ok(["get", "nodes", "-o", "wide"])).trim().split("\n");
    expect(lines[0]).toMatch(
      /^NAME\s+STATUS\s+ROLES\s+AGE\s+VERSION\s+INTERNAL-IP\s+EXTERNAL-IP\s+OS-IMAGE\s+KERNEL-VERSION\s+CONTAINER-RUNTIME/,
    );
    expect(lines[1]).toMatch(/\sReady\s/);
    nodeIp = /(\d+\.\d+\.\d+\.\d+)/.exec(lines[1] ?? "")?.[1] ?? "";
    const own = Object.values(networkInterfaces()).flatMap((addresses) =>
      (addresses ?? []).map(({ address }) => address),
    );
    expect(own).toContain(nodeIp);
  });

  it("without the binding the kubelet answers 403", async () => {
    await kubectl.apply(SERVICE_ACCOUNT);
    await kubectl.apply(CLUSTER_ROLE);
    const output = await insidePod(query());
    expect(output).toContain("status=403");
    expect(output).not.toContain('stage="GA"');
  });

  it("with the binding the metric shows the feature as GA and enabled", async () => {
    expect(await kubectl.apply(CLUSTER_ROLE_BINDING)).toContain(
      "clusterrolebinding.rbac.authorization.k8s.io/kubelet-metrics-checker created",
    );
    // The refusal above is remembered for 30 s, as in upstream: ask as long as that.
    const output = await insidePod([
      ...query().slice(0, 2),
      `for i in $(seq 1 45); do ${query()[2]} | tee /tmp/answer; grep -q status=200 /tmp/answer && break; sleep 1; done`,
    ]);
    expect(output).toContain('kubernetes_feature_enabled{name="KubeletFineGrainedAuthz",stage="GA"} 1');
    expect(output).toContain("status=200");
    expect(output).toContain('pod "kubelet-check" deleted');
  });
});
