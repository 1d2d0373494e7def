import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { type FindKubeconfigOptions, findConnection } from "./find-kubeconfig.ts";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "kubeconfig-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const find = (options: Partial<FindKubeconfigOptions>) =>
  findConnection({ environment: { HOME: directory }, signal: new AbortController().signal, ...options });

function config(name: string, user: object, cluster: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    contexts: [{ name, context: { cluster: name, user: name } }],
    clusters: [{ name, cluster: { server: `https://${name}.example:6443`, ...cluster } }],
    users: [{ name, user }],
  };
}

async function put(name: string, content: object): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, stringify(content));
  return path;
}

describe("findConnection()", () => {
  it("merges the files of KUBECONFIG: the first that says something wins", async () => {
    const [one, two] = [
      await put("one", config("one", { token: "1" })),
      await put("two", config("two", { token: "2" })),
    ];
    const environment = { KUBECONFIG: [one, join(directory, "missing"), two].join(delimiter) };
    expect(await find({ environment })).toMatchObject({ server: "https://one.example:6443", token: { text: "1" } });
    expect(await find({ environment, context: "two" })).toMatchObject({ server: "https://two.example:6443" });
    await expect(find({ environment, context: "three" })).rejects.toThrow("three");
    expect(await find({ environment, cluster: "two" })).toMatchObject({
      server: "https://two.example:6443",
      token: { text: "1" },
    });
    expect(await find({ environment, user: "two" })).toMatchObject({
      server: "https://one.example:6443",
      token: { text: "2" },
    });
    await expect(find({ environment, user: "three" })).rejects.toThrow("three");
  });

  it("takes file names from where they stand", async () => {
    await mkdir(join(directory, "sub"));
    const path = await put("sub/config", config("one", { tokenFile: "token" }));
    expect(await find({ path })).toMatchObject({ token: { file: join(directory, "sub/token") } });
  });

  it("falls back to ~/.kube/config, then to the pod it runs in, and says what it tried", async () => {
    await expect(find({})).rejects.toThrow(`${join(directory, ".kube/config")} can not be read`);
    await mkdir(join(directory, ".kube"));
    await put(".kube/config", config("home", { token: "h" }));
    expect(await find({})).toMatchObject({ server: "https://home.example:6443" });
    await expect(find({ path: join(directory, "none") })).rejects.toThrow("none can not be read");
  });

  it("runs credential plugins with what they are to know, and keeps their answer to itself", async () => {
    const script = `
      const { spec } = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
      const token = [process.argv[1], process.env.EXTRA, spec.cluster.server, spec.cluster.config.audience].join(" ");
      console.log(JSON.stringify({ apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status: { token } }));`;
    const exec = {
      apiVersion: "client.authentication.k8s.io/v1",
      command: process.execPath,
      args: ["-e", script, "argument"],
      env: [{ name: "EXTRA", value: "extra" }],
      provideClusterInfo: true,
      interactiveMode: "IfAvailable",
    };
    const extensions = [{ name: "client.authentication.k8s.io/exec", extension: { audience: "a" } }];
    const path = await put("exec", config("one", { exec }, { extensions }));
    expect(await find({ path, environment: process.env })).toMatchObject({
      token: { text: "argument extra https://one.example:6443 a" },
    });
  });

  it.each([
    [
      { command: "/nowhere/plugin", installHint: "install it so" },
      "can not be run: spawn /nowhere/plugin ENOENT; install it so",
    ],
    [{ command: process.execPath, args: ["-e", "process.exit(3)"] }, "failed with exit code 3"],
    [{ command: process.execPath, args: ["-e", "console.log('secret')"] }, "did not print an ExecCredential"],
    [{ args: [] }, "without a command"],
  ])("says what is wrong with a plugin: %j", async (exec, message) => {
    const path = await put("exec", config("one", { exec }));
    const reason = await find({ path, environment: process.env }).catch(String);
    expect(reason).toContain(message);
    expect(reason).not.toContain("secret");
  });

  it.each([
    [{ HTTPS_PROXY: "http://proxy:3128" }, "http://proxy:3128"],
    [{ https_proxy: "http://proxy:3128", NO_PROXY: "other.example" }, "http://proxy:3128"],
    [{ HTTPS_PROXY: "http://proxy:3128", NO_PROXY: "a, .example" }, undefined],
    [{ HTTPS_PROXY: "http://proxy:3128", no_proxy: "one.example:6443" }, undefined],
    [{ HTTP_PROXY: "http://proxy:3128" }, undefined],
  ])("goes through the proxy of the environment: %j", async (environment, proxyUrl) => {
    const path = await put("config", config("one", { token: "1" }));
    expect((await find({ path, environment })).proxyUrl).toBe(proxyUrl);
  });

  it("takes proxy-url before the environment, and refuses one that is none", async () => {
    const path = await put("config", config("one", { token: "1" }, { "proxy-url": "socks5://proxy:1080" }));
    const environment = { HTTPS_PROXY: "http://other:3128" };
    expect((await find({ path, environment })).proxyUrl).toBe("socks5://proxy:1080");
    const wrong = await put("wrong", config("one", { token: "1" }, { "proxy-url": "proxy:1080" }));
    await expect(find({ path: wrong })).rejects.toThrow('proxy-url: "proxy:1080" is not');
  });
});
