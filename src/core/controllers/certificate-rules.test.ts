import { describe, expect, it } from "vitest";
import { automaticApprovals, checkRequest, isServingRequestOfNode, type RequestContents } from "./certificate-rules.ts";

const CLIENT = "kubernetes.io/kube-apiserver-client-kubelet";
const SERVING = "kubernetes.io/kubelet-serving";
const API = "kubernetes.io/kube-apiserver-client";
const node: RequestContents = {
  commonName: "system:node:n1",
  organizations: ["system:nodes"],
  dnsNames: [],
  ipAddresses: [],
  emailAddresses: [],
  uris: [],
};
const CLIENT_USAGES = ["client auth", "digital signature", "key encipherment"];
const SERVING_USAGES = ["server auth", "digital signature"];

describe("checkRequest()", () => {
  const why = (
    signer: string,
    more: Partial<RequestContents>,
    usages: readonly string[],
  ): string | true | undefined => {
    const verdict = checkRequest(signer, { ...node, ...more }, usages);
    return verdict === undefined ? undefined : verdict.ok ? true : verdict.reason;
  };

  it.each([
    [CLIENT, {}, CLIENT_USAGES, true],
    [CLIENT, {}, ["client auth", "digital signature"], true],
    [
      CLIENT,
      { organizations: ["system:nodes", "system:masters"] },
      CLIENT_USAGES,
      "subject organization is not system:nodes",
    ],
    [CLIENT, { commonName: "admin" }, CLIENT_USAGES, "subject common name does not begin with system:node:"],
    [CLIENT, { dnsNames: ["a"] }, CLIENT_USAGES, "DNS subjectAltNames are not allowed"],
    [CLIENT, { uris: ["a:b"] }, CLIENT_USAGES, "URI subjectAltNames are not allowed"],
    [
      CLIENT,
      {},
      [...CLIENT_USAGES, "server auth"],
      "usages did not match [client auth digital signature key encipherment]",
    ],
    [SERVING, {}, SERVING_USAGES, "DNS or IP subjectAltName is required"],
    [SERVING, { ipAddresses: ["10.0.0.1"] }, SERVING_USAGES, true],
    [
      SERVING,
      { ipAddresses: ["10.0.0.1"], emailAddresses: ["a@b"] },
      SERVING_USAGES,
      "Email subjectAltNames are not allowed",
    ],
    [API, { commonName: "anybody", organizations: ["team"] }, ["client auth"], true],
    [API, {}, ["digital signature"], "missing required usage for client certificate: client auth"],
    [API, {}, ["client auth", "server auth"], "invalid usage for client certificate: server auth"],
    ["example.com/other", {}, CLIENT_USAGES, undefined],
  ] as const)("%s %j %j: %s", (signer, more, usages, expected) => {
    expect(why(signer, more, usages)).toBe(expected);
  });
});

describe("automaticApprovals()", () => {
  const permissions = (username: string): readonly string[] =>
    automaticApprovals(CLIENT, node, CLIENT_USAGES, { username, groups: [] }).map(({ permission }) => permission);

  it("lets a node renew its own certificate with the narrower permission", () => {
    expect(permissions("system:node:n1")).toEqual(["selfnodeclient", "nodeclient"]);
    expect(permissions("system:bootstrap:abcdef")).toEqual(["nodeclient"]);
  });

  it("knows no other requests", () => {
    expect(automaticApprovals(API, node, CLIENT_USAGES, { username: "x", groups: [] })).toEqual([]);
  });
});

describe("isServingRequestOfNode()", () => {
  const request = { ...node, dnsNames: ["n1"], ipAddresses: ["10.0.0.1"] };
  const requester = { username: "system:node:n1", groups: ["system:nodes"] };
  const decide = (known: readonly string[] | undefined, who = requester): boolean =>
    isServingRequestOfNode(SERVING, request, SERVING_USAGES, who, known);

  it("needs the node itself to ask, for names that are all known", () => {
    expect(decide(["n1", "10.0.0.1"])).toBe(true);
    expect(decide(["n1"])).toBe(false);
    expect(decide(undefined)).toBe(false);
    expect(decide(["n1", "10.0.0.1"], { ...requester, username: "system:node:n2" })).toBe(false);
    expect(decide(["n1", "10.0.0.1"], { ...requester, groups: [] })).toBe(false);
  });
});
