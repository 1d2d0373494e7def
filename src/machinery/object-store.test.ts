import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createObjectStore } from "./object-store.ts";
import type { Pod } from "../api/types.ts";

const pod = (name: string, node: string, resourceVersion: string): Pod => ({
  metadata: { namespace: "x", name, resourceVersion, uid: name },
  spec: { nodeName: node, containers: [] },
});

describe("createObjectStore()", () => {
  it("tells what a relist changed", () => {
    const { writer } = createObjectStore<Pod>();
    writer.replaceAll([pod("a", "n", "1"), pod("b", "n", "1"), pod("c", "n", "1")]);
    const changes = writer.replaceAll([pod("b", "n", "1"), pod("c", "m", "2"), pod("d", "n", "3")]);
    expect(changes.map(({ type, key }) => `${type} ${key}`)).toEqual(["deleted x/a", "updated x/c", "added x/d"]);
  });

  it("index() always agrees with a search through the list", () => {
    const name = fc.constantFrom("a", "b", "c", "d");
    const node = fc.constantFrom("n1", "n2", "");
    const operation = fc.oneof(
      fc.record({ do: fc.constant("put" as const), name, node }),
      fc.record({ do: fc.constant("remove" as const), name }),
      fc.record({
        do: fc.constant("replace" as const),
        pods: fc.uniqueArray(fc.tuple(name, node), { selector: ([n]) => n }),
      }),
    );
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 30 }), (operations) => {
        const { reader, writer, index } = createObjectStore<Pod>();
        const byNode = index((object) => [object.spec?.nodeName ?? ""]);
        for (const [turn, operation] of operations.entries()) {
          if (operation.do === "put") writer.put(pod(operation.name, operation.node, String(turn)));
          else if (operation.do === "remove") writer.remove(`x/${operation.name}`);
          else writer.replaceAll(operation.pods.map(([name, node]) => pod(name, node, String(turn))));
          for (const value of ["n1", "n2", ""]) {
            const found = new Set(byNode(value).map((object) => object.metadata?.name));
            const wanted = new Set(
              reader
                .list()
                .filter((object) => object.spec?.nodeName === value)
                .map((object) => object.metadata?.name),
            );
            expect(found).toEqual(wanted);
          }
        }
      }),
    );
  });
});
