import { request as httpsRequest } from "node:https";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { WebSocket } from "ws";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCommand, startCluster, type TestCluster } from "./harness/cluster.ts";
import { kubectlFor, type Kubectl } from "./harness/kubectl-runner.ts";
import { waitFor } from "./harness/wait-for.ts";

const CLUSTER_ROLES: Readonly<Record<string, readonly string[]>> = {
  // "Old approach: overly broad" and "New approach: least privilege" of the announcement.
  "old-agent": ["get nodes/proxy"],
  "new-agent": ["get nodes/metrics,nodes/stats"],
  reader: ["get nodes/pods,nodes/healthz,nodes/configz,nodes/spec,nodes/log,nodes/statusz"],
  creator: ["create nodes/proxy"],
};

const CONTAINER = "default/target/target";

interface AuditRecord {
  readonly stage: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username?: string };
  readonly responseStatus: { readonly code: number };
  readonly annotations: Readonly<Record<string, string>>;
}

interface Dialled {
  /** 101, or what the server answered instead. */
  readonly status: number;
  /** What came on channels 1 and 2, as text. */
  readonly output: string;
}

/** The connect rule and the announcement's roles, tried from outside as an attacker and as an operator would. */
describe("access to the kubelet's API", () => {
  const args: string[] = [];
  const tokens = new Map<string, string>();
  let cluster: TestCluster;
  let kubectl: Kubectl;
  let nodeName = "";

  beforeAll(async () => {
    cluster = await startCluster({ args });
    kubectl = await kubectlFor(cluster);
    nodeName = (await kubectl.ok(["get", "nodes", "-o", "jsonpath={.items[0].metadata.name}"])).trim();
    for (const [name, grants] of Object.entries(CLUSTER_ROLES)) {
      await kubectl.ok(["create", "serviceaccount", name]);
      for (const grant of grants) {
        const [verb = "", resources = ""] = grant.split(" ");
        await kubectl.ok(["create", "clusterrole", name, `--verb=${verb}`, `--resource=${resources}`]);
      }
      await kubectl.ok([
        "create",
        "clusterrolebinding",
        name,
        `--clusterrole=${name}`,
        `--serviceaccount=default:${name}`,
      ]);
      tokens.set(name, (await kubectl.ok(["create", "token", name])).trim());
    }
    await kubectl.ok(["run", "target", "--image=busybox", "--restart=Never", "--", "sleep", "100000"]);
    await kubectl.ok(["wait", "--for=condition=Ready", "pod/target", "--timeout=90s"]);
  });
  afterAll(() => cluster?.destroy());

  const tokenOf = (who: string): string => tokens.get(who) ?? "";
  const kubelet = (): string => `127.0.0.1:${cluster.kubeletPort}`;
  const apiServer = (): string => `127.0.0.1:${cluster.securePort}`;

  async function curl(who: string, path: string, more: readonly string[] = []): Promise<number> {
    const { stdout } = await runCommand("curl", [
      ...["-sk", "-o", "/dev/null", "-w", "%{http_code}", "--path-as-is", "--max-time", "20"],
      ...["-H", `Authorization: Bearer ${tokenOf(who)}`, ...more, `https://${kubelet()}${path}`],
    ]);
    return Number(stdout);
  }

  function dial(
    url: string,
    protocols: readonly string[],
    headers: Readonly<Record<string, string>>,
  ): Promise<Dialled> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url, [...protocols], {
        headers,
        rejectUnauthorized: false,
        handshakeTimeout: 20_000,
      });
      let output = "";
      socket.on("message", (data: Buffer) => {
        if (data[0] === 1 || data[0] === 2) output += data.subarray(1).toString();
      });
      socket.on("unexpected-response", (_request, response) => {
        response.resume();
        resolve({ status: response.statusCode ?? 0, output });
      });
      socket.on("close", () => resolve({ status: 101, output }));
      socket.on("error", reject);
    });
  }

  /** As the announcement's websocat line. */
  const exec = (who: string, protocols: readonly string[] = ["v4.channel.k8s.io"], base = `wss://${kubelet()}`) =>
    dial(`${base}/exec/${CONTAINER}?output=1&error=1&command=id`, protocols, {
      authorization: `Bearer ${tokenOf(who)}`,
    });

  function upgrade(who: string, method: string, path: string, protocol: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const sent = httpsRequest({
        host: "127.0.0.1",
        port: cluster.kubeletPort,
        method,
        path,
        rejectUnauthorized: false,
        headers: {
          authorization: `Bearer ${tokenOf(who)}`,
          connection: "Upgrade",
          upgrade: protocol,
          "x-stream-protocol-version": path.startsWith("/portForward") ? "portforward.k8s.io" : "v4.channel.k8s.io",
          "sec-websocket-version": "13",
          "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
        },
      });
      sent.on("response", (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      sent.on("upgrade", (response, socket) => {
        socket.destroy();
        resolve(response.statusCode ?? 0);
      });
      sent.on("error", reject);
      sent.end();
    });
  }

  async function trail(): Promise<readonly AuditRecord[]> {
    const text = await readFile(join(cluster.dataDir, "kubelet-audit.log"), "utf8");
    return text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as AuditRecord);
  }

  const named = (name: string): string => `system:serviceaccount:default:${name}`;
  const metric = async (pattern: RegExp): Promise<number> => {
    const { stdout } = await runCommand("curl", [
      ...["-sk", "-H", `Authorization: Bearer ${tokenOf("new-agent")}`, `https://${kubelet()}/metrics`],
    ]);
    return Number(pattern.exec(stdout)?.[1] ?? Number.NaN);
  };

  it("old and new monitoring agents reach what the announcement's table says, endpoint by endpoint", async () => {
    const expected: Readonly<Record<string, readonly [oldAgent: number, newAgent: number, reader: number]>> = {
      "/metrics": [403, 200, 403],
      "/metrics/cadvisor": [403, 200, 403],
      "/metrics/resource": [403, 200, 403],
      "/metrics/probes": [403, 200, 403],
      "/metrics/slis": [403, 200, 403],
      "/stats/summary": [403, 200, 403],
      "/pods": [200, 403, 200],
      "/runningpods/": [200, 403, 200],
      "/runningPods/": [200, 403, 200],
      "/healthz": [200, 403, 200],
      "/configz": [200, 403, 200],
      "/spec/": [403, 403, 200],
      "/logs/": [403, 403, 200],
      "/statusz": [403, 403, 200],
      "/flagz": [403, 403, 200],
      [`/containerLogs/${CONTAINER}`]: [200, 403, 403],
      "/debug/pprof/": [200, 403, 403],
      [`/exec/${CONTAINER}?command=id&output=1`]: [403, 403, 403],
      "/nothing-here": [404, 404, 404],
    };
    const seen: Record<string, readonly number[]> = {};
    for (const path of Object.keys(expected)) {
      seen[path] = [await curl("old-agent", path), await curl("new-agent", path), await curl("reader", path)];
    }
    console.log(
      ["| endpoint | old role | new role | reader |", "| --- | --- | --- | --- |"]
        .concat(Object.entries(seen).map(([path, codes]) => `| ${path} | ${codes.join(" | ")} |`))
        .join("\n"),
    );
    expect(seen).toEqual(expected);
  });

  it("get nodes/proxy does not run a command over a WebSocket, whatever the protocol; create does", async () => {
    const before = await metric(/orlop_kubelet_get_only_connects_total\{path="exec",mode="enforce"\} (\d+)/);
    for (const protocols of [["v4.channel.k8s.io"], ["v5.channel.k8s.io"], ["base64.channel.k8s.io"], []]) {
      expect(await exec("old-agent", protocols), protocols.join()).toEqual({ status: 403, output: "" });
    }
    for (const protocols of [["v4.channel.k8s.io"], ["v5.channel.k8s.io"]]) {
      const { status, output } = await exec("creator", protocols);
      expect([status, output.trim()], protocols.join()).toEqual([
        101,
        expect.stringContaining("uid=0(root) gid=0(root)"),
      ]);
    }
    const counted = await metric(/orlop_kubelet_get_only_connects_total\{path="exec",mode="enforce"\} (\d+)/);
    expect(counted - (Number.isNaN(before) ? 0 : before)).toBe(4);
    expect(cluster.log()).toContain("get nodes/proxy does not allow to reach into containers, that needs create");
  });

  it("the trail names the refused and the one that ran, with command and grant, and holds no token", async () => {
    const file = join(cluster.dataDir, "kubelet-audit.log");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const records = (await trail()).filter(({ annotations }) => annotations["kubelet.orlop.dev/endpoint"] === "exec");
    const refused = records.find(
      ({ user, annotations }) =>
        user.username === named("old-agent") && annotations["kubelet.orlop.dev/upgrade"] === "websocket",
    );
    expect(refused).toMatchObject({
      stage: "ResponseComplete",
      verb: "create",
      responseStatus: { code: 403 },
      annotations: {
        "authorization.k8s.io/decision": "forbid",
        "kubelet.orlop.dev/get-only": "true",
        "kubelet.orlop.dev/method": "GET",
        "kubelet.orlop.dev/pod": "target",
        "kubelet.orlop.dev/container": "target",
        "kubelet.orlop.dev/command": '["id"]',
      },
    });
    const ran = records.filter(({ user }) => user.username === named("creator"));
    expect(ran.map(({ stage }) => stage)).toEqual(
      expect.arrayContaining(["ResponseStarted", "ResponseComplete", "ResponseStarted", "ResponseComplete"]),
    );
    expect(ran[0]?.annotations["kubelet.orlop.dev/granted-by"]).toBe("create nodes/proxy");
    const text = await readFile(file, "utf8");
    for (const token of tokens.values()) expect(text).not.toContain(token);
  });

  it("a token in the WebSocket subprotocol is the same token", async () => {
    const url = `wss://${kubelet()}/exec/${CONTAINER}?output=1&command=id`;
    const encoded = (who: string): string =>
      `base64url.bearer.authorization.k8s.io.${Buffer.from(tokenOf(who)).toString("base64url")}`;
    expect((await dial(url, ["v4.channel.k8s.io", encoded("old-agent")], {})).status).toBe(403);
    expect(await dial(url, ["v4.channel.k8s.io", encoded("creator")], {})).toMatchObject({
      status: 101,
      output: expect.stringContaining("uid=0(root)"),
    });
    expect((await dial(url, ["v4.channel.k8s.io"], {})).status).toBe(401);
  });

  it("get is not enough for GET with SPDY, attach, port-forward and run either", async () => {
    const paths = [
      `/exec/${CONTAINER}?command=id&output=1`,
      `/attach/${CONTAINER}?output=1`,
      "/portForward/default/target?port=80",
    ];
    for (const path of paths) {
      expect(await upgrade("old-agent", "GET", path, "SPDY/3.1"), path).toBe(403);
      expect(await upgrade("old-agent", "GET", path, "websocket"), path).toBe(403);
      expect(await upgrade("creator", "GET", path, "SPDY/3.1"), path).toBe(101);
    }
    expect(await curl("old-agent", `/run/${CONTAINER}?cmd=id`, ["-XPOST"])).toBe(403);
    expect(await curl("creator", `/run/${CONTAINER}?cmd=id`, ["-XPOST"])).toBe(200);
  });

  it("no spelling of the path gets around it", async () => {
    const tail = `${CONTAINER}?command=id&output=1`;
    for (const path of [
      "//exec/",
      "/pods/../exec/",
      "/./exec/",
      "/exec//",
      "/pods/%2e%2e/exec/",
      "/%65xec/",
      "/EXEC/",
    ]) {
      const status = await upgrade("old-agent", "GET", `${path}${tail}`, "SPDY/3.1");
      expect([307, 400, 403, 404], `${path} -> ${status}`).toContain(status);
    }
  });

  it("upgrades on other paths are refused, also for those who may read them", async () => {
    for (const path of ["/pods", "/healthz", "/configz", `/containerLogs/${CONTAINER}`]) {
      expect(await upgrade("old-agent", "GET", path, "websocket"), path).toBe(400);
      expect(await upgrade("old-agent", "GET", path, "SPDY/3.1"), path).toBe(400);
    }
  });

  it("the API server's nodes/proxy applies the same rule", async () => {
    const base = `wss://${apiServer()}/api/v1/nodes/${nodeName}/proxy`;
    expect((await exec("old-agent", ["v4.channel.k8s.io"], base)).status).toBe(403);
    expect((await exec("creator", ["v4.channel.k8s.io"], base)).status).toBe(403);
    await kubectl.ok(["create", "clusterrole", "both", "--verb=get,create", "--resource=nodes/proxy"]);
    await kubectl.ok(["create", "serviceaccount", "both"]);
    await kubectl.ok(["create", "clusterrolebinding", "both", "--clusterrole=both", "--serviceaccount=default:both"]);
    tokens.set("both", (await kubectl.ok(["create", "token", "both"])).trim());
    const ran = await exec("both", ["v4.channel.k8s.io"], base);
    expect([ran.status, ran.output]).toEqual([101, expect.stringContaining("uid=0(root)")]);
  });

  it("mode warn lets get through and says so; mode legacy is as upstream", async () => {
    for (const [mode, told] of [
      ["warn", true],
      ["legacy", false],
    ] as const) {
      await cluster.stop();
      args.splice(0, args.length, "--connect-authorization", mode);
      await cluster.start();
      await kubectl.ok(["wait", "--for=condition=Ready", "pod/target", "--timeout=60s"]);
      const ran = await waitFor("the command to run", async () => {
        const dialled = await exec("old-agent");
        return dialled.status === 101 && dialled.output !== "" ? dialled : undefined;
      });
      expect(ran.output).toContain("uid=0(root)");
      expect(cluster.log().includes("let through in mode warn")).toBe(told);
      const last = (await trail()).findLast(({ user }) => user.username === named("old-agent"));
      expect(last?.annotations["kubelet.orlop.dev/granted-by"]).toBe("get nodes/proxy");
      expect(last?.annotations["kubelet.orlop.dev/get-only"]).toBe(told ? "true" : undefined);
    }
  });
});
