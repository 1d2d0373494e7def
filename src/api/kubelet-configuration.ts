import { parseDocument } from "yaml";
import { OrlopError } from "../lib/orlop-error.ts";
import { KUBELET_CONFIGURATION_FIELDS, type KubeletConfiguration } from "./kubelet-configuration-fields.ts";
import { type Problems, encodeFields, parseFields } from "./kubelet-configuration-schema.ts";
import { kubeletConfigurationProblems } from "./kubelet-configuration-validation.ts";

export type { KubeletConfiguration } from "./kubelet-configuration-fields.ts";

export const KUBELET_CONFIGURATION_API_VERSION = "kubelet.config.k8s.io/v1beta1";
export const KUBELET_CONFIGURATION_KIND = "KubeletConfiguration";

/** One file's content before defaults: a plain JSON value, so that files can be merged. */
export type KubeletConfigurationDocument = Readonly<Record<string, unknown>>;

function invalid(source: string, problems: Problems): OrlopError {
  return new OrlopError("Invalid", `kubelet configuration ${source} is invalid: ${problems.join("; ")}`);
}

/**
 * Reads one YAML or JSON document and checks apiVersion, kind, names and types of its fields. Throws OrlopError Invalid
 * that lists every problem with the path of its field.
 *
 * @param source where the text comes from, for errors
 */
export function readKubeletConfigurationDocument(text: string, source: string): KubeletConfigurationDocument {
  const document = parseDocument(text, { uniqueKeys: true, strict: true });
  const [problem] = document.errors;
  if (problem !== undefined) throw invalid(source, [problem.message.trimEnd()]);
  const value: unknown = document.toJS();
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(source, ["it must be a map with apiVersion and kind"]);
  }
  const { apiVersion, kind, ...fields } = value as Record<string, unknown>;
  if (apiVersion !== KUBELET_CONFIGURATION_API_VERSION || kind !== KUBELET_CONFIGURATION_KIND) {
    throw invalid(source, [
      `apiVersion and kind must be ${KUBELET_CONFIGURATION_API_VERSION} and ${KUBELET_CONFIGURATION_KIND}, ` +
        `not ${JSON.stringify(apiVersion ?? "")} and ${JSON.stringify(kind ?? "")}`,
    ]);
  }
  const problems: Problems = [];
  parseFields(KUBELET_CONFIGURATION_FIELDS, fields, "", problems);
  if (problems.length > 0) throw invalid(source, problems);
  return fields;
}

/** Applies defaults and checks. Throws OrlopError Invalid that lists every problem with the path of its field. */
export function completeKubeletConfiguration(
  document: KubeletConfigurationDocument,
  source: string,
): KubeletConfiguration {
  const problems: Problems = [];
  const parsed = parseFields(KUBELET_CONFIGURATION_FIELDS, document, "", problems);
  const configuration = withDependentDefaults(parsed, document);
  if (problems.length === 0) problems.push(...kubeletConfigurationProblems(configuration));
  if (problems.length > 0) throw invalid(source, problems);
  return configuration;
}

/** The defaults alone: what `orlop kubelet` starts with when no file is given. */
export function defaultKubeletConfiguration(): KubeletConfiguration {
  return completeKubeletConfiguration({}, "defaults");
}

/** Defaults that follow from another field, as upstream's. */
function withDependentDefaults(
  configuration: KubeletConfiguration,
  document: KubeletConfigurationDocument,
): KubeletConfiguration {
  const given = (name: keyof KubeletConfiguration): boolean => (document[name] ?? undefined) !== undefined;
  return {
    ...configuration,
    ...(given("nodeStatusUpdateFrequency") &&
      !given("nodeStatusReportFrequency") && { nodeStatusReportFrequency: configuration.nodeStatusUpdateFrequency }),
    evictionHard: evictionHardOf(configuration, document),
    ...(!given("serializeImagePulls") && { serializeImagePulls: (configuration.maxParallelImagePulls ?? 1) < 2 }),
    ...(configuration.podPidsLimit < 0 && { podPidsLimit: -1 }),
  };
}

/** Upstream's thresholds on Linux: they hold when nothing is given, or with mergeDefaultEvictionSettings for what is not. */
const DEFAULT_EVICTION_HARD: Readonly<Record<string, string>> = {
  "imagefs.available": "15%",
  "imagefs.inodesFree": "5%",
  "memory.available": "100Mi",
  "nodefs.available": "10%",
  "nodefs.inodesFree": "5%",
};

function evictionHardOf(
  { evictionHard, mergeDefaultEvictionSettings }: KubeletConfiguration,
  document: KubeletConfigurationDocument,
): Readonly<Record<string, string>> {
  if ((document["evictionHard"] ?? undefined) === undefined) return DEFAULT_EVICTION_HARD;
  return mergeDefaultEvictionSettings ? { ...DEFAULT_EVICTION_HARD, ...evictionHard } : evictionHard;
}

/** The wire form, as /configz and documentation show it. */
export function encodeKubeletConfiguration(configuration: KubeletConfiguration): Record<string, unknown> {
  return {
    kind: KUBELET_CONFIGURATION_KIND,
    apiVersion: KUBELET_CONFIGURATION_API_VERSION,
    ...encodeFields(KUBELET_CONFIGURATION_FIELDS, configuration),
  };
}
