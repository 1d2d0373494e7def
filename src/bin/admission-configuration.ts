import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { readAdmissionConfiguration, readYaml } from "../api/admission-configuration.ts";
import {
  NO_POD_SECURITY_CONFIGURATION,
  type PodSecurityConfiguration,
  readPodSecurityConfiguration,
} from "../core/pod-security/configuration.ts";
import { messageOf, OrlopError } from "../lib/orlop-error.ts";
import type { Result } from "../lib/result.ts";

/** What can be configured of the admission plugins of the embedded API server. */
export interface AdmissionSettings {
  readonly podSecurity: PodSecurityConfiguration;
}

/**
 * Reads the file of `--admission-control-config-file`. Throws OrlopError Invalid that names the file and what is wrong
 * with it, also for plugins that have nothing to configure here: a setting that is ignored protects nobody.
 */
export async function loadAdmissionSettings(file: string | undefined): Promise<AdmissionSettings> {
  const settings: AdmissionSettings = { podSecurity: NO_POD_SECURITY_CONFIGURATION };
  if (file === undefined) return settings;
  const path = resolve(file);
  let { podSecurity } = settings;
  for (const plugin of required(path, readAdmissionConfiguration(await textOf(path)))) {
    if (plugin.name !== "PodSecurity") {
      throw invalid(path, `plugin ${plugin.name} can not be configured, only PodSecurity can`);
    }
    const source = plugin.path === undefined ? path : resolve(dirname(path), plugin.path);
    const document =
      plugin.path === undefined ? plugin.configuration : required(source, readYaml(await textOf(source)));
    if (document === undefined || document === null) continue;
    podSecurity = required(`${source} (PodSecurity)`, readPodSecurityConfiguration(document));
  }
  return { podSecurity };
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw invalid(path, messageOf(cause), cause);
  }
}

function required<T>(source: string, result: Result<T>): T {
  if (result.ok) return result.value;
  throw invalid(source, result.reason);
}

function invalid(source: string, problem: string, cause?: unknown): OrlopError {
  return new OrlopError("Invalid", `admission configuration ${source} can not be used: ${problem}`, { cause });
}
