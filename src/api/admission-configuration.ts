import { parseDocument } from "yaml";
import type { Result } from "../lib/result.ts";
import { failed, ok } from "../lib/result.ts";

/** One plugin of an AdmissionConfiguration: its configuration, or the file that has it. */
export interface PluginConfiguration {
  readonly name: string;
  /** Relative to the file it is named in. */
  readonly path?: string;
  readonly configuration?: unknown;
}

const API_VERSION = "apiserver.config.k8s.io/v1";
const KIND = "AdmissionConfiguration";

/** Reads the file of `--admission-control-config-file`, in the form kube-apiserver takes. */
export function readAdmissionConfiguration(text: string): Result<readonly PluginConfiguration[]> {
  const document = readYaml(text);
  if (!document.ok) return document;
  const { value } = document;
  if (!isFields(value)) return failed(`it must be an ${KIND}`);
  const { apiVersion, kind, plugins = [], ...others } = value;
  if (apiVersion !== API_VERSION || kind !== KIND) {
    return failed(
      `apiVersion and kind must be ${API_VERSION} and ${KIND}, not ${JSON.stringify(apiVersion ?? "")} and ${JSON.stringify(kind ?? "")}`,
    );
  }
  const [other] = Object.keys(others);
  if (other !== undefined) return failed(`${other}: unknown field`);
  if (!Array.isArray(plugins)) return failed("plugins: must be a list");
  const read: PluginConfiguration[] = [];
  for (const [index, plugin] of plugins.entries()) {
    const problem = pluginProblem(plugin);
    if (problem !== undefined) return failed(`plugins[${index}]: ${problem}`);
    if (read.some(({ name }) => name === plugin.name))
      return failed(`plugins[${index}]: ${plugin.name} is there twice`);
    read.push(plugin as PluginConfiguration);
  }
  return ok(read);
}

/** One YAML or JSON document as a plain value. */
export function readYaml(text: string): Result<unknown> {
  const document = parseDocument(text, { uniqueKeys: true, strict: true });
  const [problem] = document.errors;
  return problem === undefined ? ok(document.toJS()) : failed(problem.message.trimEnd());
}

function pluginProblem(plugin: unknown): string | undefined {
  if (!isFields(plugin)) return "must be a map";
  const { name, path, configuration, ...others } = plugin;
  if (typeof name !== "string" || name === "") return "name: must be the name of a plugin";
  if (path !== undefined && typeof path !== "string") return "path: must be the path of a file";
  if (path !== undefined && configuration !== undefined) return "path and configuration can not be set both";
  const [other] = Object.keys(others);
  return other === undefined ? undefined : `${other}: unknown field`;
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
