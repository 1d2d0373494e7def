import { describe, expect, it } from "vitest";
import type { HttpRequest } from "../ports/http.ts";
import { quietLog } from "../testing/quiet.ts";
import { createManagerHandler, type ManagerHandlerDeps } from "./manager-handler.ts";

const USER = { name: "prometheus", groups: [], extra: {} };

async function ask(
  target: string,
  deps: Partial<ManagerHandlerDeps> = {},
  method = "GET",
): Promise<{ readonly status: number; readonly text: string; readonly reviewed: readonly string[] }> {
  const reviewed: string[] = [];
  const handler = createManagerHandler({
    authenticate: async () => ({ type: "authenticated", user: USER }) as never,
    reviewPath: async ({ name }, verb, path) => {
      reviewed.push(`${name} ${verb} ${path}`);
      return true;
    },
    notReady: () => undefined,
    metrics: () => ["one 1\n", "two 2\n"],
    conflicts: (namespace) => ['{"kind":"Report",', `"namespace":"${namespace}"}`],
    log: quietLog(),
    ...deps,
  });
  const url = new URL(target, "https://localhost");
  const request = { method, path: url.pathname, query: url.searchParams, signal: new AbortController().signal };
  const response = await handler(request as unknown as HttpRequest);
  if ("upgraded" in response) throw new Error("nothing is upgraded here");
  const { status, body } = response;
  let text = typeof body === "string" ? body : "";
  if (typeof body === "function") {
    await body({ write: async (chunk: unknown) => void (text += String(chunk)) } as never);
  }
  return { status, text, reviewed };
}

const refusing = { authenticate: async () => ({ type: "refused", problems: [] }) as never };

describe("createManagerHandler()", () => {
  it.each(["/healthz", "/livez", "/readyz"])("answers %s to everybody", async (path) => {
    expect(await ask(path, refusing)).toMatchObject({ status: 200, text: "ok", reviewed: [] });
  });

  it("is alive but not ready while the controllers have not read the cluster", async () => {
    const deps = { notReady: () => "reading" };
    expect(await ask("/readyz", deps)).toMatchObject({ status: 503, text: "not ready: reading\n" });
    expect(await ask("/healthz", deps)).toMatchObject({ status: 200 });
  });

  it.each(["/metrics", "/selinux/conflicts", "/", "/nothing"])("does not show %s to strangers", async (path) => {
    expect(await ask(path, refusing)).toMatchObject({ status: 401, reviewed: [] });
  });

  it("shows nothing to those who may not read it, and asks for the very path and verb", async () => {
    const asked: string[] = [];
    const reviewPath: ManagerHandlerDeps["reviewPath"] = async (_, verb, path) => {
      asked.push(`${verb} ${path}`);
      return false;
    };
    const answer = await ask("/metrics", { reviewPath });
    expect(answer.status).toBe(403);
    expect(answer.text).toContain('User \\"prometheus\\" cannot get path \\"/metrics\\"');
    await ask("/selinux/conflicts?namespace=shop", { reviewPath }, "POST");
    await ask("/metrics", { reviewPath }, "HEAD");
    expect(asked).toEqual(["get /metrics", "post /selinux/conflicts", "get /metrics"]);
  });

  it("fails closed when nobody can say who may", async () => {
    const reviewPath = () => Promise.reject(new Error("no API server"));
    const answer = await ask("/metrics", { reviewPath });
    expect(answer).toMatchObject({ status: 500 });
    expect(answer.text).not.toContain("one 1");
  });

  it("shows metrics and the report, of one namespace when asked so", async () => {
    expect(await ask("/metrics")).toMatchObject({ status: 200, text: "one 1\ntwo 2\n" });
    const { text } = await ask("/selinux/conflicts?namespace=shop");
    expect(JSON.parse(text)).toEqual({ kind: "Report", namespace: "shop" });
    expect(await ask("/selinux/conflicts", { conflicts: () => undefined })).toMatchObject({ status: 503 });
  });

  it("only answers reads, and says what there is", async () => {
    expect(await ask("/metrics", {}, "POST")).toMatchObject({ status: 405 });
    const { status, text } = await ask("/debug/pprof");
    expect(status).toBe(404);
    expect(text).toContain("/selinux/conflicts");
  });
});
