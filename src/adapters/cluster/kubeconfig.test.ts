import { describe, expect, it } from "vitest";
import { loadKubeconfig, parseKubeconfig } from "./kubeconfig.ts";

const PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const DATA = Buffer.from(PEM).toString("base64");

const config = (user: string, cluster = `certificate-authority-data: ${DATA}`): string => `
apiVersion: v1
kind: Config
current-context: main
contexts:
- name: other
  context: {cluster: gone, user: gone}
- name: main
  context: {cluster: here, user: me, namespace: apps}
clusters:
- name: here
  cluster:
    server: https://10.0.0.1:6443
    ${cluster}
users:
- name: me
  user: ${user}
`;

describe("parseKubeconfig()", () => {
  it("takes the current context with inline data and files relative to the kubeconfig", () => {
    const user = `{client-certificate-data: ${DATA}, client-key: keys/me.pem}`;
    expect(parseKubeconfig(config(user), "/etc/orlop/admin.kubeconfig")).toEqual({
      server: "https://10.0.0.1:6443",
      certificateAuthority: { text: PEM },
      namespace: "apps",
      clientCertificate: { text: PEM },
      clientKey: { file: "/etc/orlop/keys/me.pem" },
    });
  });

  it("prefers tokenFile to token, data to file", () => {
    const user = "{token: inline, tokenFile: /run/token}";
    const cluster = `{certificate-authority-data: ${DATA}, certificate-authority: /ca}`
      .slice(1, -1)
      .replace(", ", "\n    ");
    const parsed = parseKubeconfig(config(user, cluster), "/c");
    expect(parsed.token).toEqual({ file: "/run/token" });
    expect(parsed.certificateAuthority).toEqual({ text: PEM });
  });

  const cases: readonly (readonly [string, string, RegExp])[] = [
    ["bad YAML", "a: [", /The kubeconfig \/c is not YAML: /],
    ["an empty file", "", /The kubeconfig \/c is empty/],
    ["no current context", "contexts: []", /names no current-context/],
    ["an unknown context", "current-context: x", /current-context is "x", but contexts has none of that name/],
    [
      "a certificate without a key",
      config(`{client-certificate-data: ${DATA}}`),
      /users\[0\]\.user\.client-certificate: needs/,
    ],
    [
      "data that is not PEM",
      config("{client-key-data: '%%%'}"),
      /users\[0\]\.user\.client-key-data: is not PEM in base64/,
    ],
    ["a number for a token", config("{token: 12}"), /users\[0\]\.user\.token: must be a string/],
    ["an exec plugin", config("{exec: {command: aws}}"), /users\[0\]\.user\.exec is not supported/],
    [
      "a CA together with skipping it",
      config("{}", `certificate-authority-data: ${DATA}\n    insecure-skip-tls-verify: true`),
      /clusters\[0\]\.cluster\.insecure-skip-tls-verify: must not/,
    ],
    [
      "a bad server",
      config("{}").replace("https://10.0.0.1:6443", "10.0.0.1"),
      /clusters\[0\]\.cluster\.server: "10\.0\.0\.1" is not/,
    ],
    ["a list where a mapping belongs", config("[]"), /users\[0\]\.user must be a mapping/],
  ];
  it.each(cases)("names file and field for %s", (_, text, message) => {
    expect(() => parseKubeconfig(text, "/c")).toThrow(message);
  });

  it("takes another context when asked", () => {
    expect(() =>
      parseKubeconfig(config("{}").replace("current-context: main", "current-context: other"), "/c"),
    ).toThrow(/contexts\[0\]\.context\.cluster is "gone", but clusters has none/);
  });
});

describe("loadKubeconfig()", () => {
  it("names a file that is not there", async () => {
    await expect(loadKubeconfig("/nowhere/config")).rejects.toMatchObject({
      code: "Invalid",
      message: expect.stringContaining("The kubeconfig /nowhere/config can not be read: ENOENT"),
    });
  });
});
