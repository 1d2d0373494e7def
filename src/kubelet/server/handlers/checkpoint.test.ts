import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createFiles } from "../../../adapters/files/files.ts";
import { OrlopError } from "../../../lib/orlop-error.ts";
import { createFakeClock } from "../../../testing/fake-clock.ts";
import { plainRequest } from "../../../testing/plain-request.ts";
import { createCheckpointHandler } from "./checkpoint.ts";

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "orlop-checkpoint-"));
});
afterEach(() => rm(root, { recursive: true }));

async function checkpoint(container: string, query = "", failure?: Error) {
  const asked: unknown[] = [];
  const handler = createCheckpointHandler(
    {
      clock: createFakeClock(),
      files: createFiles(),
      pods: {
        podByName: (namespace, name) => (namespace === "shop" && name === "web" ? {} : undefined),
        container: (_namespace, _pod, name) =>
          name === "main" || name === "init"
            ? {
                name,
                kind: "container",
                id: "c1",
                running: name === "main",
                attempt: 0,
                tty: false,
                stdin: false,
                logPath: "",
              }
            : undefined,
      },
      checkpoints: {
        checkpoint: async (id, archive, timeoutSeconds) => {
          asked.push({ id, archive, timeoutSeconds });
          if (failure !== undefined) throw failure;
        },
      },
    },
    `${root}/checkpoints`,
  );
  const [namespace = "", pod = "", name = ""] = container.split("/");
  const { status, body } = (await handler(plainRequest(`/${query}`), { namespace, pod, container: name })) as {
    readonly status: number;
    readonly body: string;
  };
  return { status, body, asked };
}

describe("createCheckpointHandler()", () => {
  it("has the runtime write the archive and says where it is, for root alone", async () => {
    const { status, body, asked } = await checkpoint("shop/web/main", "?timeout=5&timeout=30");
    const archive = `${root}/checkpoints/checkpoint-web_shop-main-${new Date(createFakeClock().now()).toISOString().slice(0, 19)}Z.tar`;
    expect([status, JSON.parse(body)]).toEqual([200, { items: [archive] }]);
    expect(asked).toEqual([{ id: "c1", archive, timeoutSeconds: 30 }]);
    expect((await stat(`${root}/checkpoints`)).mode & 0o777).toBe(0o700);
  });

  it.each([
    ["shop/none/main", "", 404, "pod does not exist"],
    ["shop/web/none", "", 404, "container none does not exist"],
    ["shop/web/main", "?timeout=x", 404, "cannot parse value of timeout parameter"],
    ["shop/web/main", "?timeout=", 404, "cannot parse value of timeout parameter"],
    [
      "shop/web/main",
      "?timeout=-1",
      500,
      "checkpointing of shop/web/main failed (CheckpointContainer requires the timeout value to be > 0)",
    ],
    ["shop/web/init", "", 500, "checkpointing of shop/web/init failed (container init not found)"],
  ])("POST %s%s: %d %s", async (container, query, status, body) => {
    expect(await checkpoint(container, query)).toEqual({ status, body, asked: [] });
  });

  it("passes on why the runtime could not", async () => {
    const criu = new OrlopError("Internal", "checkpoint/restore not supported");
    expect(await checkpoint("shop/web/main", "", criu)).toMatchObject({
      status: 500,
      body: "checkpointing of shop/web/main failed (checkpoint/restore not supported)",
    });
  });
});
