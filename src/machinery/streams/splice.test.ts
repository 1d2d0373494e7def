import { describe, expect, it } from "vitest";
import { createBytePipe } from "../../testing/byte-pipe.ts";
import { splice } from "./splice.ts";

async function textOf(readable: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of readable) text += new TextDecoder().decode(chunk);
  return text;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("splice()", () => {
  it("carries both directions until one side ends, and delivers what was sent before", async () => {
    const [client, left] = createBytePipe();
    const [right, backend] = createBytePipe();
    const done = splice(left, right, new AbortController().signal);
    await client.write(bytes("question"));
    const iterator = backend.readable[Symbol.asyncIterator]();
    expect(new TextDecoder().decode((await iterator.next()).value)).toBe("question");
    await backend.write(bytes("answer"));
    await backend.end();
    const seen = textOf(client.readable).catch((reason: unknown) => `broken: ${String(reason)}`);
    await done;
    expect(await seen).toContain("answer");
  });

  it("stops a sender whose receiver does not read", async () => {
    const [client, left] = createBytePipe(1000);
    const [right, backend] = createBytePipe(1000);
    const aborted = new AbortController();
    const done = splice(left, right, aborted.signal);
    let sent = 0;
    const send = async (): Promise<void> => {
      for (;;) {
        await client.write(new Uint8Array(500));
        sent += 500;
      }
    };
    const sending = send().catch(() => undefined);
    for (let turn = 0; turn < 1000; turn++) await Promise.resolve();
    expect(sent).toBeLessThan(5000);
    aborted.abort();
    await Promise.all([done, sending]);
    await expect(backend.write(bytes("x"))).rejects.toThrow("was cut");
  });

  it("cuts both sides when aborted", async () => {
    const [client, left] = createBytePipe();
    const [right, backend] = createBytePipe();
    await splice(left, right, AbortSignal.abort());
    await expect(client.write(bytes("x"))).rejects.toThrow("was cut");
    await expect(backend.write(bytes("x"))).rejects.toThrow("was cut");
  });
});
