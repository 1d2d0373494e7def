import { describe, expect, it } from "vitest";
import { row } from "../kinds-for-tests.ts";
import { nodeKind } from "./nodes.ts";

describe("kubectl get nodes", () => {
  it("shows whether a node is ready, what it is for and what it runs", () => {
    const node = {
      metadata: {
        name: "n",
        creationTimestamp: "2025-12-30T00:00:00Z",
        labels: { "node-role.kubernetes.io/control-plane": "", "kubernetes.io/role": "master" },
      },
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: "Ready", status: "True" }],
        addresses: [{ type: "InternalIP", address: "10.0.0.1" }],
        nodeInfo: { kubeletVersion: "v1.36.0", kernelVersion: "6.1", architecture: "amd64", osImage: "" },
      },
    };
    expect(row(nodeKind, node)).toEqual({
      Name: "n",
      Status: "Ready,SchedulingDisabled",
      Roles: "control-plane,master",
      Age: "2d",
      Version: "v1.36.0",
      "Internal-IP": "10.0.0.1",
      "External-IP": "<none>",
      "OS-Image": "<unknown>",
      "Kernel-Version": "6.1 (amd64)",
      "Container-Runtime": "<unknown>",
    });
  });

  it("shows nodes that say nothing as unknown", () => {
    expect(row(nodeKind, {})).toMatchObject({ Status: "Unknown", Roles: "<none>", "Kernel-Version": "<unknown>" });
  });
});
