import { readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCommand, startCluster, type TestCluster } from "./harness/cluster.ts";
import { liveRanges, sharedIds } from "./harness/id-maps.ts";
import { kubectlFor, type Kubectl } from "./harness/kubectl-runner.ts";
import { standInImage } from "./harness/stand-in-image.ts";
import { waitFor } from "./harness/wait-for.ts";

/** The whole claim is 110 pods in 20 rounds (`make soak`); that takes half an hour on two processors. */
const PODS = Number(process.env["ORLOP_USERNS_PODS"] ?? 20);
const ROUNDS = Number(process.env["ORLOP_USERNS_ROUNDS"] ?? 3);
const PATIENCE = 60_000 + PODS * 3_000;

const ISOLATED_WORKLOAD = `
apiVersion: v1
kind: Pod
metadata:
  name: isolated-workload
spec:
  hostUsers: false
  containers:
  - name: app
    image: fedora:42
    securityContext:
      runAsUser: 0
`;

interface PodList {
  readonly items: readonly {
    readonly metadata: {
      readonly name: string;
      readonly uid: string;
      readonly annotations?: Readonly<Record<string, string>>;
    };
    readonly status?: { readonly phase?: string };
  }[];
}

let cluster: TestCluster;
let kubectl: Kubectl;

beforeAll(async () => {
  cluster = await startCluster();
  kubectl = await kubectlFor(cluster);
  await kubectl.ok(["wait", "--for=create", "serviceaccount/default", "--timeout=60s"]);
});
afterAll(() => cluster?.destroy());

const pods = async (selector = ""): Promise<PodList["items"]> =>
  (JSON.parse(await kubectl.ok(["get", "pods", "-o", "json", "-l", selector])) as PodList).items;

async function ranges(state: string): Promise<number> {
  const node = (await kubectl.ok(["get", "nodes", "-o", "name"])).trim().replace("node/", "");
  const text = await kubectl.ok(["get", "--raw", `/api/v1/nodes/${node}/proxy/metrics`]);
  return Number(new RegExp(`orlop_kubelet_user_namespace_ranges\\{state="${state}"\\} (\\d+)`).exec(text)?.[1]);
}

describe("the announcement's isolated-workload", () => {
  const inside = (...command: readonly string[]): Promise<string> =>
    kubectl.ok(["exec", "isolated-workload", "--", ...command]);
  const pid = async (): Promise<string> => {
    const [{ metadata } = { metadata: { uid: "" } }] = (await pods()).filter(
      ({ metadata: { name } }) => name === "isolated-workload",
    );
    const found = (await liveRanges([metadata.uid])).map((range) => range.pid);
    return String(Math.max(...found));
  };

  beforeAll(async () => {
    await kubectl.ok(["run", "first", "--image=busybox", "--restart=Never", "--", "true"]);
    await kubectl.ok(["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/first", "--timeout=60s"]);
    await kubectl.ok(["delete", "pod", "first", "--now"]);
    await standInImage(cluster, "docker.io/library/fedora:42");
    await kubectl.apply(ISOLATED_WORKLOAD);
    await kubectl.ok(["wait", "--for=condition=Ready", "pod/isolated-workload", "--timeout=60s"]);
  });

  it("is root inside", async () => {
    expect((await inside("id", "-u")).trim()).toBe("0");
  });

  it("is nobody known outside: its root has an ID of its range on the host", async () => {
    const [, firstId = ""] = (await inside("cat", "/proc/self/uid_map")).trim().split(/\s+/);
    expect(Number(firstId)).toBeGreaterThanOrEqual(65536);
    const status = await readFile(`/proc/${await pid()}/status`, "utf8");
    expect(/^Uid:\s+(\d+)/m.exec(status)?.[1]).toBe(firstId);
    expect(await kubectl.ok(["describe", "pod", "isolated-workload"])).toContain(
      `orlop.dev/user-namespace-range: ${firstId}-${Number(firstId) + 65535}`,
    );
  });

  it("has the capabilities of root, over what is its own only", async () => {
    expect(await inside("sh", "-c", "hostname other 2>&1 || true")).toMatch(/^$|not permitted/);
    const chown = await inside("sh", "-c", "touch /f && chown 1000:1000 /f && stat -c %u:%g /f");
    expect(chown.trim()).toBe("1000:1000");
    const { code } = await kubectl.run(["exec", "isolated-workload", "--", "mknod", "/dev/sda", "b", "8", "0"]);
    expect(code).not.toBe(0);
  });
});

describe("what the announcement says besides", () => {
  const outside = async (name: string): Promise<string> => {
    const uid = await kubectl.ok(["get", "pod", name, "-o", "jsonpath={.metadata.uid}"]);
    const processes = (await liveRanges([uid])).map((range) => range.pid);
    return String(Math.max(...processes));
  };
  const userOf = async (pid: string): Promise<string> =>
    /^Uid:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1] ?? "";

  it("without the field a container's root is the host's root: the problem", async () => {
    await kubectl.apply(podNamed("host-root", { hostUsers: true }));
    await kubectl.ok(["wait", "--for=condition=Ready", "pod/host-root", "--timeout=60s"]);
    expect(await userOf(await outside("host-root"))).toBe("0");
    expect((await kubectl.ok(["exec", "host-root", "--", "cat", "/proc/self/uid_map"])).trim()).toMatch(
      /^0\s+0\s+4294967295$/,
    );
    await kubectl.ok(["delete", "pod", "host-root", "--now"]);
  });

  it("CAP_NET_ADMIN is power over the pod's own network, and none over the host's", async () => {
    await kubectl.apply(podNamed("net-admin", { securityContext: { capabilities: { add: ["NET_ADMIN"] } } }));
    await kubectl.ok(["wait", "--for=condition=Ready", "pod/net-admin", "--timeout=60s"]);
    const added = "ip link add orlopx9 type bridge && ip link set orlopx9 up && ip -o link show orlopx9";
    expect(await kubectl.ok(["exec", "net-admin", "--", "sh", "-c", added])).toContain("orlopx9");
    expect((await runCommand("ip", ["link", "show", "orlopx9"])).code).not.toBe(0);
    // The pod's root with all its capabilities, but in the host's network: what a break-out would have.
    const brokenOut = ["--user", "--target", await outside("net-admin"), "--setuid", "0", "--setgid", "0", "--"];
    const attempt = await runCommand("nsenter", [...brokenOut, "ip", "link", "add", "orlopx9", "type", "bridge"]);
    expect(attempt.code).not.toBe(0);
    expect(attempt.stderr).toContain("Operation not permitted");
    await kubectl.ok(["delete", "pod", "net-admin", "--now"]);
  });

  it("the field can be set in a PodTemplate as well, from which pods get it", async () => {
    const { spec } = JSON.parse(podNamed("templated", {})) as { readonly spec: unknown };
    const template = { metadata: { labels: { app: "templated" } }, spec };
    const kind = { apiVersion: "v1", kind: "PodTemplate", metadata: { name: "templated" } };
    await kubectl.apply(JSON.stringify({ ...kind, template }));
    const stored = JSON.parse(await kubectl.ok(["get", "podtemplate", "templated", "-o", "json"])) as {
      readonly template: { readonly spec: { readonly hostUsers?: boolean } };
    };
    expect(stored.template.spec.hostUsers).toBe(false);
    const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "templated" }, spec: stored.template.spec };
    await kubectl.apply(JSON.stringify(pod));
    await kubectl.ok(["wait", "--for=condition=Ready", "pod/templated", "--timeout=60s"]);
    expect(Number(await userOf(await outside("templated")))).toBeGreaterThanOrEqual(65536);
    await kubectl.ok(["delete", "pod/templated", "podtemplate/templated", "--now"]);
  });
});

describe("pods with users of their own", () => {
  it("fail before there is a sandbox when a volume can not be ID-mapped, and say which", async () => {
    await kubectl.apply(
      podNamed("unmappable", {
        volumeMounts: [{ name: "kernel", mountPath: "/kernel" }],
        volumes: [{ name: "kernel", hostPath: { path: "/sys" } }],
      }),
    );
    await waitFor("the event", async () => {
      const text = await kubectl.ok(["get", "events", "--field-selector", "involvedObject.name=unmappable"]);
      return text.includes('volume "kernel"') && text.includes("sysfs can not be ID-mapped") ? text : undefined;
    });
    await kubectl.ok(["delete", "pod", "unmappable", "--now"]);
  });

  it(
    `${PODS} at once, ${ROUNDS} times, with the node killed in the middle: no shared IDs, no lost ranges, none stuck`,
    async () => {
      await kubectl.ok(["delete", "pods", "--all", "--now", "--wait=true"]);
      const manifest = Array.from({ length: PODS }, (_, index) => podNamed(`burst-${index}`, {})).join("");
      for (let round = 0; round < ROUNDS; round++) {
        await kubectl.apply(manifest);
        await killSoon();
        const running = await waitFor(
          `${PODS} running pods in round ${round}`,
          async () => {
            const all = await pods("group=burst");
            return all.length === PODS && all.every(({ status }) => status?.phase === "Running") ? all : undefined;
          },
          { timeout: PATIENCE, interval: 500 },
        );
        const live = await liveRanges(running.map(({ metadata }) => metadata.uid));
        expect(sharedIds(live)).toEqual([]);
        expect(new Set(live.map(({ podUid }) => podUid)).size).toBe(PODS);
        expect(Math.min(...live.map(({ firstId }) => firstId))).toBeGreaterThanOrEqual(65536);
        for (const { metadata } of running) {
          const own = live.find(({ podUid }) => podUid === metadata.uid);
          expect(metadata.annotations?.["orlop.dev/user-namespace-range"]).toMatch(new RegExp(`^${own?.firstId}-`));
        }
        expect(await ranges("used")).toBe(PODS);

        await kubectl.ok(["delete", "pods", "-l", "group=burst", "--wait=false"]);
        await killSoon();
        await waitFor(
          "all pods to be gone",
          async () => ((await pods("group=burst")).length === 0 ? true : undefined),
          { timeout: PATIENCE, interval: 500 },
        );
        await waitFor("all ranges to be free", async () => ((await ranges("used")) === 0 ? true : undefined), {
          timeout: 90_000,
          interval: 1_000,
        });
        expect(await ranges("reserved")).toBe(0);
        expect(await liveRanges(running.map(({ metadata }) => metadata.uid))).toEqual([]);
      }
    },
    ROUNDS * PATIENCE * 2,
  );

  it("a damaged mapping file stops only its own pod, and its IDs stay reserved until it is deleted", async () => {
    for (const name of ["damaged", "intact"]) await kubectl.apply(podNamed(name, {}));
    await kubectl.ok(["wait", "--for=condition=Ready", "pod/damaged", "pod/intact", "--timeout=60s"]);
    const uid = await kubectl.ok(["get", "pod", "damaged", "-o", "jsonpath={.metadata.uid}"]);
    await cluster.stop("SIGKILL");
    await writeFile(`${cluster.dataDir}/kubelet/pods/${uid}/userns`, '{"uidMappings":[{"hostId":');
    await cluster.start();
    expect(await ranges("reserved")).toBe(1);
    await kubectl.apply(podNamed("fresh", {}));
    await kubectl.ok(["wait", "--for=condition=Ready", "pod/intact", "pod/fresh", "--timeout=60s"]);
    const uids = (await pods()).map(({ metadata }) => metadata.uid);
    expect(sharedIds(await liveRanges(uids))).toEqual([]);
    await waitFor("the event that says what to do", async () => {
      const text = await kubectl.ok(["get", "events", "--field-selector", "involvedObject.name=damaged"]);
      return /UserNamespaceMappingUnusable.*delete the pod and create it again/.test(text) ? true : undefined;
    });
    await kubectl.ok(["delete", "pod", "damaged", "--now"]);
    await waitFor("the reserved range to be free", async () => ((await ranges("reserved")) === 0 ? true : undefined));
    await kubectl.ok(["delete", "pods", "--all", "--now"]);
  });
});

/** Ends the node without any warning at a random moment of what is going on, and starts it again. */
async function killSoon(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 4_000));
  await cluster.stop("SIGKILL");
  await cluster.start();
}

interface PodOptions {
  /** @default false */
  readonly hostUsers?: boolean;
  readonly securityContext?: unknown;
  readonly volumes?: unknown;
  readonly volumeMounts?: unknown;
}

function podNamed(name: string, options: PodOptions): string {
  return `${JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { group: name.replace(/-\d+$/, "") } },
    spec: {
      hostUsers: options.hostUsers ?? false,
      terminationGracePeriodSeconds: 0,
      ...(options.volumes !== undefined && { volumes: options.volumes }),
      containers: [
        {
          name: "app",
          image: "busybox",
          imagePullPolicy: "IfNotPresent",
          command: ["sleep", "100000"],
          ...(options.securityContext !== undefined && { securityContext: options.securityContext }),
          ...(options.volumeMounts !== undefined && { volumeMounts: options.volumeMounts }),
        },
      ],
    },
  })}\n`;
}
