import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createClusterClient } from "../../machinery/cluster-client.ts";
import { createLeaderElected } from "../../machinery/leader-election.ts";
import {
  CSI_DRIVERS,
  EVENTS,
  LEASES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  PODS,
} from "../../machinery/resources.ts";
import type { ClusterRequest, ClusterResponse, ClusterTransport } from "../../ports/cluster-transport.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { TestApiServer } from "../../testing/api-server.ts";
import { type ControllerHost, startControllers } from "../../testing/controller-host.ts";
import { quietLog } from "../../testing/quiet.ts";
import type { ConflictReport } from "../../core/selinux-report/report.ts";
import { type ConflictView, createSELinuxWarningController } from "./selinux-warning.ts";

type Answer = Pick<ClusterResponse, "status"> & { readonly body: string };
/** Says what is answered instead of the server; undefined lets it answer. */
type Interference = (request: ClusterRequest) => Answer | Promise<Answer | undefined> | undefined;

interface Setting extends ControllerHost {
  readonly view: ConflictView;
  readonly warnings: readonly string[];
  interfere(how: Interference): void;
  /** Breaks every connection that is open. */
  breakConnections(): void;
  /** Keeps every connection open, but lets nothing more through. */
  holdConnections(): void;
}

async function withController(work: (setting: Setting) => Promise<void>, clockOf = (clock: Clock): Clock => clock) {
  const warnings: string[] = [];
  const log: Log = { ...quietLog(), warn: (message) => void warnings.push(message), with: () => log };
  let server: TestApiServer | undefined;
  let interference: Interference = () => undefined;
  let connections = new AbortController();
  let isHeld = false;
  const transport: ClusterTransport = {
    async send(request) {
      const answer = await interference(request);
      if (answer !== undefined) return { ...answer, headers: {}, body: chunks(answer.body) };
      if (server === undefined) throw new Error("there is no server");
      const response = await server.connect().send(request);
      return { ...response, body: until(response.body, connections.signal, () => isHeld) };
    },
  };
  let view: ConflictView | undefined;
  const host = await startControllers(
    (deps) => {
      const client = createClusterClient({ transport, userAgent: "under test" });
      const controller = createSELinuxWarningController({ ...deps, client, log, clock: clockOf(deps.clock) });
      view = controller.view;
      return [controller];
    },
    {
      prepare: async (prepared) => {
        server = prepared;
      },
    },
  );
  if (view === undefined) throw new Error("the controller was not made");
  try {
    await work({
      ...host,
      view,
      warnings,
      interfere: (how) => {
        interference = how;
      },
      breakConnections: () => {
        connections.abort(new Error("broken"));
        connections = new AbortController();
        isHeld = false;
      },
      holdConnections: () => {
        isHeld = true;
      },
    });
  } finally {
    await host.stop();
  }
}

async function* chunks(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

async function* until(
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  isHeld: () => boolean,
): AsyncGenerator<Uint8Array> {
  const iterator = body[Symbol.asyncIterator]();
  const broken = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  broken.catch(() => undefined);
  for (;;) {
    const next = await Promise.race([iterator.next(), broken]);
    if (isHeld()) await broken;
    if (next.done === true) return;
    yield next.value;
  }
}

const NAMESPACE = "default";

async function addConflict({ client, signal }: ControllerHost): Promise<void> {
  await client.create(CSI_DRIVERS, { metadata: { name: "d" }, spec: { seLinuxMount: true } }, signal);
  const spec = {
    capacity: { storage: "1Gi" },
    accessModes: ["ReadWriteMany"],
    claimRef: { namespace: NAMESPACE, name: "data" },
    csi: { driver: "d", volumeHandle: "h" },
  };
  await client.create(PERSISTENT_VOLUMES, { metadata: { name: "pv" }, spec }, signal);
  const claim = {
    accessModes: ["ReadWriteMany"],
    storageClassName: "",
    volumeName: "pv",
    resources: { requests: { storage: "1Gi" } },
  };
  await client.create(
    PERSISTENT_VOLUME_CLAIMS,
    { metadata: { namespace: NAMESPACE, name: "data" }, spec: claim },
    signal,
  );
  for (const [name, level] of [
    ["one", "s0:c1"],
    ["two", "s0:c2"],
  ] as const) {
    const pod = {
      securityContext: { seLinuxOptions: { level } },
      containers: [{ name: "c", image: "i", volumeMounts: [{ name: "v", mountPath: "/v" }] }],
      volumes: [{ name: "v", persistentVolumeClaim: { claimName: "data" } }],
    };
    await client.create(PODS, { metadata: { namespace: NAMESPACE, name }, spec: pod }, signal);
  }
}

const reportOf = ({ view }: Setting): ConflictReport => JSON.parse([...view.reportText()].join("")) as ConflictReport;
const seriesOf = ({ view }: Setting): number =>
  [...view.metrics()].join("").split("selinux_volume_conflict{").length - 1;
const isComplete = ({ view }: Setting): boolean => [...view.metrics()].join("").includes("controller_complete 1\n");
const eventsOf = async ({ client, signal }: ControllerHost) =>
  (await client.list(EVENTS, { namespace: NAMESPACE }, signal)).items;
const removeOne = ({ client, signal }: ControllerHost) =>
  client.delete(PODS, { namespace: NAMESPACE, name: "one" }, signal, { gracePeriodSeconds: 0 });

const DENIED: Answer = {
  status: 403,
  body: JSON.stringify({ kind: "Status", status: "Failure", reason: "Forbidden", code: 403, message: "forbidden: no" }),
};
const isRead = ({ method }: ClusterRequest): boolean => method === "GET";
const isWatch = ({ path }: ClusterRequest): boolean => path.includes("watch=true");

describe("the SELinux warning controller in a bad world", () => {
  it.each([
    ["pods", "/api/v1/pods"],
    ["persistentvolumeclaims", "/api/v1/persistentvolumeclaims"],
    ["persistentvolumes", "/api/v1/persistentvolumes"],
    ["csidrivers.storage.k8s.io", "/apis/storage.k8s.io/v1/csidrivers"],
  ])("names the right when %s may not be listed, and is complete once it may", async (resource, path) => {
    await withController(async (setting) => {
      setting.interfere((request) => (isRead(request) && request.path.startsWith(`${path}?`) ? DENIED : undefined));
      setting.breakConnections();
      await addConflict(setting);
      await setting.until(() => {
        expect(setting.view.problems()).toMatchObject([
          { resource, text: expect.stringContaining("right to list and watch") },
        ]);
        expect(reportOf(setting)).toMatchObject({ complete: false, gate: { safe: false } });
      });
      expect(isComplete(setting)).toBe(false);
      setting.interfere(() => undefined);
      await setting.until(() => {
        expect(seriesOf(setting)).toBe(2);
        expect(isComplete(setting)).toBe(true);
      });
    });
  });

  it("names the right when pods may be listed but not watched", async () => {
    await withController(async (setting) => {
      await addConflict(setting);
      await setting.until(() => expect(seriesOf(setting)).toBe(2));
      setting.interfere((request) => (isWatch(request) && request.path.includes("/pods?") ? DENIED : undefined));
      setting.breakConnections();
      await setting.until(() =>
        expect(setting.view.problems()).toMatchObject([
          { resource: "pods", text: expect.stringContaining("the right to list and watch pods is missing") },
        ]),
      );
      expect(seriesOf(setting)).toBe(2);
    });
  });

  it.each<readonly [string, Answer]>([
    ["a web page", { status: 200, body: "<html>welcome</html>" }],
    ["nothing", { status: 200, body: "" }],
    ["an empty object", { status: 200, body: "{}\n" }],
    ["null", { status: 200, body: "null\n" }],
    ["a list of something else", { status: 200, body: '{"metadata":{},"items":[{"kind":"Fish"},null]}\n' }],
    ["half a list", { status: 200, body: '{"metadata":{"resourceVersion":"9"},"items":[' }],
    ["a success that is none", { status: 200, body: '{"kind":"Status","status":"Success","metadata":{}}\n' }],
    ["pods without sense", { status: 200, body: '{"metadata":{},"items":[{"metadata":{"name":"one"},"spec":7}]}\n' }],
    ["only errors", { status: 503, body: "overloaded" }],
    ["unauthorized", { status: 401, body: "" }],
    ["gone", { status: 410, body: '{"kind":"Status","code":410,"reason":"Expired","message":"too old"}' }],
  ])("takes nothing for resolved while the server answers with %s", async (_, answer) => {
    await withController(async (setting) => {
      await addConflict(setting);
      await setting.until(async () => expect(await eventsOf(setting)).toHaveLength(2));
      setting.interfere((request) => (isRead(request) ? answer : undefined));
      setting.breakConnections();
      await setting.clock.advance(600_000);
      expect(seriesOf(setting)).toBe(2);
      expect(isComplete(setting)).toBe(false);
      setting.interfere(() => undefined);
      await setting.until(() => expect(isComplete(setting)).toBe(true));
      expect(seriesOf(setting)).toBe(2);
      await removeOne(setting);
      await setting.until(() => expect(seriesOf(setting)).toBe(0));
      expect(await eventsOf(setting)).toHaveLength(2);
    });
  });

  it("survives pods of any shape, and says that it did not understand them", async () => {
    const spec = fc.oneof(
      fc.jsonValue(),
      fc.record({
        volumes: fc.oneof(fc.jsonValue(), fc.constant([{ name: "v", persistentVolumeClaim: { claimName: "data" } }])),
        containers: fc.oneof(
          fc.jsonValue(),
          fc.array(
            fc.record({
              volumeMounts: fc.oneof(fc.jsonValue(), fc.constant([{ name: "v" }])),
              securityContext: fc.oneof(
                fc.jsonValue(),
                fc.record({ seLinuxOptions: fc.record({ level: fc.jsonValue() }) }),
              ),
            }),
          ),
        ),
        securityContext: fc.oneof(fc.jsonValue(), fc.record({ seLinuxOptions: fc.jsonValue() })),
      }),
    );
    await withController(async (setting) => {
      await addConflict(setting);
      await setting.until(() => expect(seriesOf(setting)).toBe(2));
      await fc.assert(
        fc.asyncProperty(fc.array(spec, { minLength: 1, maxLength: 3 }), async (specs) => {
          const items = specs.map((one, number) => ({
            metadata: { name: `odd-${number}`, namespace: NAMESPACE, uid: `odd-${number}` },
            spec: one,
          }));
          setting.interfere((request) =>
            isRead(request) && !isWatch(request) && request.path.startsWith("/api/v1/pods?")
              ? { status: 200, body: JSON.stringify({ metadata: { resourceVersion: "1" }, items }) }
              : isWatch(request) && request.path.includes("/pods?")
                ? { status: 410, body: '{"kind":"Status","code":410,"reason":"Expired","message":"too old"}' }
                : undefined,
          );
          setting.breakConnections();
          await setting.clock.advance(40_000);
          expect(typeof reportOf(setting).gate.safe).toBe("boolean");
        }),
        { numRuns: 60 },
      );
      setting.interfere(() => undefined);
      setting.breakConnections();
      await setting.until(() => {
        expect(seriesOf(setting)).toBe(2);
        expect(isComplete(setting)).toBe(true);
      });
    });
  });

  it("notices a claim that was deleted and made again while nobody watched", async () => {
    await withController(async (setting) => {
      const { client, signal } = setting;
      await addConflict(setting);
      const key = { namespace: NAMESPACE, name: "data" };
      const { metadata, spec } = await client.get(PERSISTENT_VOLUME_CLAIMS, key, signal);
      const value = { spec: { claimRef: { uid: metadata?.uid } } };
      await client.patch(PERSISTENT_VOLUMES, { name: "pv" }, { type: "merge", value }, signal);
      await setting.until(() => expect(seriesOf(setting)).toBe(2));
      setting.interfere((request) =>
        isRead(request) && request.path.includes("/persistentvolumeclaims?") ? { status: 503, body: "" } : undefined,
      );
      setting.breakConnections();
      const finalizers = { metadata: { finalizers: null } };
      await client.patch(PERSISTENT_VOLUME_CLAIMS, key, { type: "merge", value: finalizers }, signal);
      await client.delete(PERSISTENT_VOLUME_CLAIMS, key, signal);
      await client.create(PERSISTENT_VOLUME_CLAIMS, { metadata: key, ...(spec !== undefined && { spec }) }, signal);
      // Long enough that it lists instead of going on with its watch.
      await setting.clock.advance(120_000);
      setting.interfere(() => undefined);
      await setting.until(() => {
        expect(isComplete(setting)).toBe(true);
        expect(seriesOf(setting)).toBe(0);
      });
    });
  });

  it("waits for a server that is slow, and is incomplete until it answered", async () => {
    await withController(async (setting) => {
      await addConflict(setting);
      await setting.until(() => expect(seriesOf(setting)).toBe(2));
      let release = (): void => undefined;
      const slow = new Promise<undefined>((resolve) => {
        release = () => resolve(undefined);
      });
      setting.interfere((request) => (isRead(request) ? slow : undefined));
      setting.breakConnections();
      await setting.clock.advance(300_000);
      expect(seriesOf(setting)).toBe(2);
      expect(isComplete(setting)).toBe(false);
      release();
      await setting.until(() => expect(isComplete(setting)).toBe(true));
    });
  });

  it("calls itself incomplete when watches have gone silent, and is complete when they go on", async () => {
    await withController(async (setting) => {
      await addConflict(setting);
      await setting.until(() => expect(seriesOf(setting)).toBe(2));
      await setting.clock.advance(240_000);
      expect(isComplete(setting)).toBe(true);
      setting.holdConnections();
      await setting.clock.advance(240_000);
      expect(seriesOf(setting)).toBe(2);
      expect(setting.view.problems()).toContainEqual({
        resource: "pods",
        text: "pods may have changed unseen: the watch has gone silent",
      });
      setting.breakConnections();
      await setting.until(() => expect(isComplete(setting)).toBe(true));
    });
  });

  it("writes its events when the server takes them again, after hours, each once", async () => {
    await withController(async (setting) => {
      setting.interfere(({ method, path }) =>
        method === "POST" && path.includes("/events") ? { status: 500, body: "away" } : undefined,
      );
      await addConflict(setting);
      await setting.until(() => expect(seriesOf(setting)).toBe(2));
      await setting.clock.advance(2 * 3_600_000);
      expect(await eventsOf(setting)).toHaveLength(0);
      setting.interfere(() => undefined);
      await setting.until(async () => expect(await eventsOf(setting)).toHaveLength(2));
      await setting.clock.advance(600_000);
      expect(await eventsOf(setting)).toHaveLength(2);
    });
  });

  it("says once that it may not create events, and goes on", async () => {
    await withController(async (setting) => {
      setting.interfere(({ method, path }) => (method === "POST" && path.includes("/events") ? DENIED : undefined));
      await addConflict(setting);
      await setting.until(() => expect(setting.warnings).toHaveLength(1));
      expect(setting.warnings[0]).toContain("the right to create and patch events is missing");
      await setting.clock.advance(120_000);
      expect(setting.warnings).toHaveLength(1);
      expect(seriesOf(setting)).toBe(2);
    });
  });

  it("does not care when the clock jumps", async () => {
    let offset = 0;
    await withController(
      async (setting) => {
        offset = -400 * 24 * 3_600_000;
        await addConflict(setting);
        await setting.until(async () => expect(await eventsOf(setting)).toHaveLength(2));
        offset = 400 * 24 * 3_600_000;
        await removeOne(setting);
        await setting.until(() => expect(seriesOf(setting)).toBe(0));
        offset = 0;
        await setting.clock.advance(60_000);
        expect(isComplete(setting)).toBe(true);
        expect(await eventsOf(setting)).toHaveLength(2);
      },
      (clock) => ({ ...clock, now: () => clock.now() + offset }),
    );
  });

  it("lets one of two replicas lead, and the next one renews events instead of adding to them", async () => {
    const views: ConflictView[] = [];
    let server: TestApiServer | undefined;
    let cutOff: string | undefined;
    const ended: string[] = [];
    const host = await startControllers(
      (deps) =>
        ["one", "two"].map((identity) => {
          const transport: ClusterTransport = {
            async send(request) {
              if (cutOff === identity) throw new Error("no route to the server");
              if (server === undefined) throw new Error("there is no server");
              return server.connect().send(request);
            },
          };
          const client = createClusterClient({ transport, userAgent: identity });
          const controller = createSELinuxWarningController({ ...deps, client });
          views.push(controller.view);
          const lease = { namespace: "kube-system", name: "orlop-controller-manager", identity };
          const elected = createLeaderElected({ ...deps, client }, lease, controller);
          return {
            name: identity,
            async run(signal: AbortSignal, ready: () => void) {
              await elected.run(signal, ready).catch(() => ended.push(identity));
              if (!signal.aborted)
                await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
            },
          };
        }),
      {
        prepare: async (prepared) => {
          server = prepared;
        },
      },
    );
    try {
      await addConflict(host);
      await host.until(async () => expect(await eventsOf(host)).toHaveLength(2));
      const holder = async () =>
        (await host.client.get(LEASES, { namespace: "kube-system", name: "orlop-controller-manager" }, host.signal))
          .spec?.holderIdentity;
      const first = await holder();
      expect(views.filter(({ index }) => index.totals().volumes === 1)).toHaveLength(1);
      cutOff = first;
      await host.until(async () => expect(await holder()).toBe(first === "one" ? "two" : "one"));
      expect(ended).toEqual([first]);
      const second = views[first === "one" ? 1 : 0];
      await host.until(() => expect(second?.index.totals().volumes).toBe(1));
      await host.clock.advance(60_000);
      expect(await eventsOf(host)).toHaveLength(2);
    } finally {
      await host.stop();
    }
  });
});
