import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRequestTarget } from "../../adapters/http/request-target.ts";
import { classifyKubeletRequest } from "../../core/authz/kubelet-request.ts";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { plainRequest } from "../../testing/plain-request.ts";
import { quietLog } from "../../testing/quiet.ts";
import { createKubeletServer } from "./kubelet-server.ts";
import { type HandlerName, KUBELET_ROUTES, type RouteHandlers } from "./routes.ts";

/** What each handler must have been authorised as, written down apart from the tables the code reads. */
const NEEDED: Readonly<Record<HandlerName, readonly [subresource: string, connects: boolean]>> = {
  attach: ["proxy", true],
  cadvisorMetrics: ["metrics", false],
  checkpoint: ["checkpoint", false],
  configz: ["configz", false],
  containerLogs: ["proxy", false],
  debugFlags: ["proxy", false],
  exec: ["proxy", true],
  flagz: ["configz", false],
  healthz: ["healthz", false],
  logs: ["log", false],
  metrics: ["metrics", false],
  pods: ["pods", false],
  portForward: ["proxy", true],
  pprof: ["proxy", false],
  probeMetrics: ["metrics", false],
  resourceMetrics: ["metrics", false],
  run: ["proxy", true],
  runningPods: ["pods", false],
  sliMetrics: ["metrics", false],
  spec: ["spec", false],
  statusz: ["statusz", false],
  summary: ["stats", false],
};

interface Seen {
  readonly status: number;
  /** Paths that were decided on. */
  readonly decided: readonly string[];
  /** Handlers that were called, with the path each saw. */
  readonly served: readonly (readonly [HandlerName, string])[];
}

/** A request as it comes over the wire, through the same steps as in the kubelet. */
async function send(method: string, target: string, upgrade: boolean): Promise<Seen> {
  const parsed = parseRequestTarget(target);
  if (!parsed.ok) return { status: 400, decided: [], served: [] };
  const decided: string[] = [];
  const served: (readonly [HandlerName, string])[] = [];
  const handlers = Object.fromEntries(
    KUBELET_ROUTES.map(({ handler }) => [
      handler,
      async (request: { readonly path: string }) => {
        served.push([handler, request.path]);
        return { status: 200, headers: {}, body: "" };
      },
    ]),
  ) as unknown as RouteHandlers;
  const server = createKubeletServer(
    {
      handlers,
      clock: createFakeClock(),
      log: quietLog(),
      observeRequest: () => () => undefined,
      checkAccess: async ({ path }) => {
        decided.push(path);
        const user = { name: "u", groups: [], extra: {} };
        return { access: "granted", user, verb: "", subresource: "proxy", fallback: false, reason: "" };
      },
    },
    {
      enableDebuggingHandlers: true,
      enableSystemLogHandler: true,
      enableProfilingHandler: true,
      enableDebugFlagsHandler: true,
      checkpoint: true,
      flagz: true,
      statusz: true,
    },
  );
  const never = (): never => {
    throw new Error("nothing is accepted here");
  };
  const { status } = await server(
    plainRequest(
      "/",
      {},
      {
        method,
        target: parsed.value.origin,
        path: parsed.value.path,
        query: new URLSearchParams(parsed.value.rawQuery),
        ...(upgrade && { upgrade: { protocol: "websocket", acceptRaw: never, acceptWebSocket: never } }),
      },
    ),
  );
  return { status, decided, served };
}

const names = fc.oneof(
  fc.constantFrom(...new Set(KUBELET_ROUTES.flatMap(({ base }) => base.split("/")))),
  fc.constantFrom("", ".", "..", "ns", "pod", "c", "EXEC", "Exec", "podsx", "é", "a b", "x;y", "a?b", "#"),
);
/** Segments of a path that is served, or of any other. */
const segments = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...KUBELET_ROUTES.flatMap(({ patterns }) => patterns)).map(segmentsOf) },
  { weight: 1, arbitrary: fc.array(names, { minLength: 1, maxLength: 6 }) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(...KUBELET_ROUTES)
      .chain(({ patterns }) => fc.shuffledSubarray(segmentsOf(patterns[0] ?? ""))),
  },
);
const separator = fc.oneof(
  { weight: 20, arbitrary: fc.constant("/") },
  { weight: 1, arbitrary: fc.constantFrom("//", "%2F", "%2f", "/./", "/../", "/%2e/", "/%2e%2e/", "/%2E%2e/") },
);
/** Which characters of a segment are written as escapes though they need not be. */
const escapes = fc.oneof(
  { weight: 10, arbitrary: fc.constant("none" as const) },
  { weight: 1, arbitrary: fc.constantFrom("first" as const, "all" as const) },
);
const tails = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom("", "?x=/exec/ns/pod/c", "?") },
  { weight: 1, arbitrary: fc.constantFrom("/", "//", "%2f", "%00", "%") },
);
const authorities = fc.oneof(
  { weight: 10, arbitrary: fc.constant("") },
  { weight: 1, arbitrary: fc.constantFrom("http://kubelet:10250", "https://x/../y") },
);

function segmentsOf(pattern: string): string[] {
  return pattern
    .slice(1)
    .replace(/\{\w+(?:\.\.\.)?\}/g, "x")
    .split("/");
}

function plainly(pattern: string, methods: readonly string[] | "any"): [string, string, boolean] {
  return [`/${segmentsOf(pattern).join("/")}`, methods === "any" ? "GET" : (methods[0] ?? ""), false];
}

function write(segment: string, how: "none" | "first" | "all"): string {
  return [...segment]
    .map((character, index) => {
      const code = character.codePointAt(0) ?? 0;
      const escape = how === "all" || (how === "first" && index === 0);
      return escape && code < 0x7f ? `%${code.toString(16).padStart(2, "0")}` : encodeURIComponent(character);
    })
    .join("");
}

const targets = segments
  .chain((path) =>
    fc.tuple(
      fc.constant(path),
      fc.array(separator, { minLength: path.length, maxLength: path.length }),
      fc.array(escapes, { minLength: path.length, maxLength: path.length }),
      tails,
      authorities,
    ),
  )
  .map(([path, separators, how, tail, authority]) => {
    const written = path.map((name, index) => `${separators[index] ?? "/"}${write(name, how[index] ?? "none")}`);
    return `${authority}${written.join("")}${tail}`;
  });

describe("one path for authorization and dispatch", () => {
  it.each(["/exec%2Fns/pod/c", "/logs/../exec/ns/pod/c", "//pods", "/pods"])(
    "answers %s the same with scheme and authority before it",
    async (target) => {
      expect(await send("GET", `https://kubelet:10250${target}`, false)).toEqual(await send("GET", target, false));
    },
  );

  it("no request is classified one way and served another, however its target is written", async () => {
    const reached = new Set<HandlerName>();
    await fc.assert(
      fc.asyncProperty(
        targets,
        fc.constantFrom("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "get", "PRI", "CONNECT"),
        fc.boolean(),
        async (target, method, upgrade) => {
          const { decided, served } = await send(method, target, upgrade);
          expect(served.length).toBeLessThanOrEqual(1);
          for (const [handler, path] of served) {
            reached.add(handler);
            expect(decided).toEqual([path]);
            const { subresources, action, verb } = classifyKubeletRequest(method, path, { fineGrained: true });
            const [subresource, connects] = NEEDED[handler];
            expect([subresources[0], action === "connect"]).toEqual([subresource, connects]);
            if (connects) expect(verb).toBe("create");
            else expect(upgrade).toBe(false);
          }
        },
      ),
      // Every endpoint plainly written, so that each is among those that are served.
      { numRuns: 5_000, examples: KUBELET_ROUTES.map(({ patterns, methods }) => plainly(patterns[0] ?? "", methods)) },
    );
    // A property over requests that all end in 404 would prove nothing.
    expect([...reached].sort()).toEqual(Object.keys(NEEDED).sort());
  });

  it.each([
    ["/exec/ns/pod/c", 200, "exec"],
    ["/%65xec/ns/pod/c", 200, "exec"],
    ["/exec%2Fns/pod/c", 404, undefined],
    ["/pods%2F..%2Fexec/ns/pod/c", 404, undefined],
    ["/pods/%2e%2e/exec/ns/pod/c", 404, undefined],
    ["/metrics%2F..%2Fexec/ns/pod/c", 404, undefined],
    ["//exec/ns/pod/c", 307, undefined],
    ["/pods/../exec/ns/pod/c", 307, undefined],
    ["/EXEC/ns/pod/c", 404, undefined],
    ["/exec/ns/pod/c%00", 200, "exec"],
    ["/exec/ns/pod/%", 400, undefined],
    ["http://kubelet/exec/ns/pod/c", 200, "exec"],
    ["*", 404, undefined],
  ])("GET %s: %d", async (target, status, handler) => {
    const seen = await send("GET", target, false);
    expect([seen.status, seen.served[0]?.[0]]).toEqual([status, handler]);
    if (handler === "exec")
      expect(classifyKubeletRequest("GET", seen.decided[0] ?? "", { fineGrained: true }).verb).toBe("create");
  });
});
