import { describe, expect, it } from "vitest";
import type { Files } from "./files.ts";

/** What every implementation of Files must do. `create` gives an empty, existing, absolute directory to work in. */
export function filesConformance(
  name: string,
  create: () => Promise<{ readonly files: Files; readonly directory: string }>,
): void {
  const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

  describe(`Files conformance: ${name}`, () => {
    it("makes directories with exactly the mode asked for, parents included, once", async () => {
      const { files, directory } = await create();
      expect(await files.makeDirectory(`${directory}/a/b`, 0o777)).toBe(true);
      expect(await files.makeDirectory(`${directory}/a/b`, 0o700)).toBe(false);
      expect(await files.information(`${directory}/a/b`)).toMatchObject({ kind: "directory", mode: 0o777 });
      expect(await files.information(`${directory}/a`)).toMatchObject({ kind: "directory", mode: 0o750 });
    });

    it("replaces a file as a whole and leaves nothing else behind", async () => {
      const { files, directory } = await create();
      const path = `${directory}/f`;
      await files.writeFile(path, "old", 0o600);
      const before = await files.information(path);
      await files.writeFile(path, new Uint8Array([110, 101, 119]), 0o666);
      const after = await files.information(path);
      expect(decode(await files.read(path, 100))).toBe("new");
      expect(after).toMatchObject({ kind: "file", mode: 0o666, size: 3 });
      expect(after?.inode).not.toBe(before?.inode);
      expect(await files.list(directory)).toEqual([{ name: "f", kind: "file" }]);
    });

    it("overwrites in place when that is asked for", async () => {
      const { files, directory } = await create();
      const path = `${directory}/f`;
      await files.writeFile(path, "a longer text", 0o644);
      const before = await files.information(path);
      await files.overwriteFile(path, "short");
      expect(decode(await files.read(path, 100))).toBe("short");
      expect((await files.information(path))?.inode).toBe(before?.inode);
    });

    it("creates new files only", async () => {
      const { files, directory } = await create();
      await files.createFile(`${directory}/f`, "1", 0o640);
      await expect(files.createFile(`${directory}/f`, "2", 0o640)).rejects.toMatchObject({ code: "AlreadyExists" });
      expect(decode(await files.read(`${directory}/f`, 1))).toBe("1");
    });

    it("refuses to read more than was allowed, and what is not there", async () => {
      const { files, directory } = await create();
      await files.writeFile(`${directory}/f`, "12345", 0o644);
      await expect(files.read(`${directory}/f`, 4)).rejects.toMatchObject({ code: "ResourceExhausted" });
      await expect(files.read(`${directory}/none`, 4)).rejects.toMatchObject({ code: "NotFound" });
      await expect(files.list(`${directory}/none`)).rejects.toMatchObject({ code: "NotFound" });
      await expect(files.open(`${directory}/none`)).rejects.toMatchObject({ code: "NotFound" });
      expect(await files.information(`${directory}/none`)).toBeUndefined();
      expect(await files.information(`${directory}/f/below`)).toBeUndefined();
    });

    it("looks at links themselves unless told to follow", async () => {
      const { files, directory } = await create();
      await files.writeFile(`${directory}/f`, "x", 0o600);
      await files.symlink("f", `${directory}/link`);
      expect(await files.information(`${directory}/link`)).toMatchObject({ kind: "symlink" });
      expect(await files.information(`${directory}/link`, { followLinks: true })).toMatchObject({ kind: "file" });
      expect(await files.readLink(`${directory}/link`)).toBe("f");
      expect(await files.realPath(`${directory}/link`)).toBe(`${await files.realPath(directory)}/f`);
      await files.setAttributes(`${directory}/link`, { mode: 0o777 });
      expect((await files.information(`${directory}/f`))?.mode).toBe(0o600);
      await expect(files.overwriteFile(`${directory}/link`, "y")).rejects.toThrow(/link/);
    });

    it("removes links and not what they lead to, and is content when nothing is there", async () => {
      const { files, directory } = await create();
      await files.makeDirectory(`${directory}/kept`, 0o755);
      await files.writeFile(`${directory}/kept/f`, "x", 0o600);
      await files.makeDirectory(`${directory}/tree/deep`, 0o755);
      await files.symlink(`${directory}/kept`, `${directory}/tree/deep/link`);
      await files.removeTree(`${directory}/tree`);
      await files.removeTree(`${directory}/tree`);
      await files.remove(`${directory}/tree`);
      expect(decode(await files.read(`${directory}/kept/f`, 1))).toBe("x");
      await expect(files.remove(`${directory}/kept`)).rejects.toMatchObject({ code: "Conflict" });
    });

    it("keeps reading an open file after it was renamed", async () => {
      const { files, directory } = await create();
      await files.writeFile(`${directory}/f`, "0123456789", 0o600);
      const open = await files.open(`${directory}/f`);
      await files.rename(`${directory}/f`, `${directory}/g`);
      expect(decode(await open.read(2, 3))).toBe("234");
      expect((await open.read(10, 3)).length).toBe(0);
      expect((await open.information()).inode).toBe((await files.information(`${directory}/g`))?.inode);
      await open.close();
    });

    it("tells that something in a directory changed, until it is told to stop", async () => {
      const { files, directory } = await create();
      const stop = new AbortController();
      const changes = files.changes(directory, stop.signal)[Symbol.asyncIterator]();
      const first = changes.next();
      // Written until it is noticed: when a watch begins is the system's affair.
      const seen = { change: false };
      void first.then(() => {
        seen.change = true;
      });
      for (let turn = 0; !seen.change && turn < 1_000; turn++) {
        await files.writeFile(`${directory}/f`, String(turn), 0o600);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect((await first).done).toBe(false);
      stop.abort();
      for (let next = await changes.next(); next.done !== true; next = await changes.next()) continue;
    });
  });
}
