import { forbiddenField, invalidFor, invalidValue, notSupported, required, when } from "../../field-error.ts";
import { validateLabelSelector } from "../../label-selector-rules.ts";
import { dnsSubdomainProblems, labelKeyProblems } from "../../names.ts";
import { annotationSizeErrors } from "../../object-meta.ts";
import type { FieldError } from "../../status-error.ts";
import { isKubernetesSigner, validateSignerName } from "../certificates/signer-name.ts";
import type { AnyVolume } from "./pod-rules.ts";
import { validateDownwardApiFile } from "./validate-downward-api.ts";
import { validateFileMode, validateVolumeFilePath } from "./validate-paths.ts";
import { validateItem } from "./validate-volume-item.ts";

type Projected = NonNullable<AnyVolume["projected"]>;
type Source = NonNullable<Projected["sources"]>[number];

const SHORTEST_TOKEN = 600;
const LONGEST_TOKEN = 2 ** 32;

/** Paths seen so far in the whole volume; each may occur once. */
class Paths {
  readonly #seen = new Set<string>();
  readonly #field: string;

  constructor(field: string) {
    this.#field = field;
  }

  claim(path: string, shown: unknown = path): readonly FieldError[] {
    if (this.#seen.has(path)) return [invalidValue(this.#field, shown, "conflicting duplicate paths")];
    this.#seen.add(path);
    return [];
  }
}

function filesErrors(
  source: NonNullable<Source["secret"]> | NonNullable<Source["configMap"]>,
  field: string,
  paths: Paths,
): readonly FieldError[] {
  const { name = "", items = [] } = source;
  return [
    ...when(name === "", required(`${field}.name`)),
    ...items.flatMap((item, i) => [
      ...validateItem(`${field}.items[${i}]`, item),
      ...((item.path ?? "") === "" ? [] : paths.claim(item.path ?? "", name)),
    ]),
  ];
}

function tokenErrors(
  token: NonNullable<Source["serviceAccountToken"]>,
  field: string,
  volumeField: string,
): readonly FieldError[] {
  const { expirationSeconds = 0, path = "" } = token;
  const at = `${field}.expirationSeconds`;
  return [
    ...when(
      expirationSeconds < SHORTEST_TOKEN,
      invalidValue(at, expirationSeconds, "may not specify a duration less than 10 minutes"),
    ),
    ...when(
      expirationSeconds > LONGEST_TOKEN,
      invalidValue(at, expirationSeconds, "may not specify a duration larger than 2^32 seconds"),
    ),
    ...(path === "" ? [required(`${volumeField}.path`)] : validateVolumeFilePath(`${volumeField}.path`, path)),
  ];
}

/** Bundles of a signer are named after it: `example.com:signer:name`. */
function bundleNameProblems(name: string): readonly string[] {
  const parts = name.split(":");
  const own = parts.pop() ?? "";
  return dnsSubdomainProblems(own).map((problem) => `not a valid clustertrustbundlename: ${problem}`);
}

function bundleErrors(
  bundle: NonNullable<Source["clusterTrustBundle"]>,
  field: string,
  paths: Paths,
): readonly FieldError[] {
  const { name, signerName, labelSelector, path = "" } = bundle;
  const errors: FieldError[] = [];
  if (name !== undefined && signerName !== undefined) {
    errors.push(invalidValue(field, bundle, "only one of name and signerName may be used"));
  } else if (name !== undefined) {
    errors.push(...when(name === "", required(`${field}.name`, "must be a valid object name")));
    errors.push(...invalidFor(`${field}.name`, name, bundleNameProblems(name)));
    const text = "labelSelector must be unset if name is specified";
    errors.push(...when(labelSelector !== undefined, invalidValue(`${field}.labelSelector`, labelSelector, text)));
  } else if (signerName !== undefined) {
    errors.push(...when(signerName === "", required(`${field}.signerName`, "must be a valid signer name")));
    errors.push(...validateSignerName(`${field}.signerName`, signerName));
    errors.push(...validateLabelSelector(labelSelector, `${field}.labelSelector`));
  } else errors.push(required(field, "either name or signerName must be specified"));
  return [
    ...errors,
    ...when(path === "", required(`${field}.path`)),
    ...validateVolumeFilePath(`${field}.path`, path),
    ...paths.claim(path),
  ];
}

const KEY_TYPES = ["RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"];
/** One hour, one day, 91 days. */
const SHORTEST_CERTIFICATE = 3600;
const LONGEST_KUBERNETES_CERTIFICATE = 86_400;
const LONGEST_CERTIFICATE = 7_862_400;

function annotationErrors(annotations: Readonly<Record<string, unknown>>, field: string): readonly FieldError[] {
  return Object.keys(annotations).flatMap((key) => {
    const name = key.toLowerCase();
    const problems = labelKeyProblems(name);
    if (problems.length > 0) return invalidFor(field, name, problems);
    const text = 'must be a domain-prefixed key (such as "acme.io/foo")';
    return when(!name.includes("/"), invalidValue(field, name, text));
  });
}

function certificateErrors(
  certificate: NonNullable<Source["podCertificate"]>,
  field: string,
  paths: Paths,
): readonly FieldError[] {
  const { signerName, keyType = "", maxExpirationSeconds = SHORTEST_CERTIFICATE, userAnnotations } = certificate;
  const longest = isKubernetesSigner(signerName ?? "") ? LONGEST_KUBERNETES_CERTIFICATE : LONGEST_CERTIFICATE;
  const at = `${field}.maxExpirationSeconds`;
  const files = ["credentialBundlePath", "keyPath", "certificateChainPath"] as const;
  const given = files.filter((file) => (certificate[file] ?? "") !== "");
  return [
    ...validateSignerName(`${field}.signerName`, signerName),
    ...annotationErrors(userAnnotations ?? {}, `${field}.userAnnotations`),
    ...annotationSizeErrors((userAnnotations ?? {}) as Readonly<Record<string, string>>, `${field}.userAnnotations`),
    ...when(!KEY_TYPES.includes(keyType), notSupported(`${field}.keyType`, keyType, KEY_TYPES)),
    ...when(
      maxExpirationSeconds < SHORTEST_CERTIFICATE,
      invalidValue(at, maxExpirationSeconds, `if provided, maxExpirationSeconds must be >= ${SHORTEST_CERTIFICATE}`),
    ),
    ...when(
      maxExpirationSeconds > longest,
      invalidValue(at, maxExpirationSeconds, `if provided, maxExpirationSeconds must be <= ${longest}`),
    ),
    ...given.flatMap((file) => {
      const path = certificate[file] ?? "";
      return [...validateVolumeFilePath(`${field}.${file}`, path), ...paths.claim(path)];
    }),
    ...when(
      given.length === 0,
      required(field, "specify at least one of credentialBundlePath, keyPath, and certificateChainPath"),
    ),
  ];
}

function sourceErrors(source: Source, field: string, volumeField: string, paths: Paths): readonly FieldError[] {
  const { secret, configMap, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } = source;
  const given = [secret, configMap, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate].filter(
    (entry) => entry !== undefined,
  );
  return [
    ...(secret === undefined ? [] : filesErrors(secret, `${field}.secret`, paths)),
    ...(configMap === undefined ? [] : filesErrors(configMap, `${field}.configMap`, paths)),
    ...(downwardAPI?.items ?? []).flatMap((file) => [
      ...validateDownwardApiFile(file, `${field}.downwardAPI`),
      ...((file.path ?? "") === "" ? [] : paths.claim(file.path ?? "")),
    ]),
    ...(serviceAccountToken === undefined
      ? []
      : tokenErrors(serviceAccountToken, `${field}.serviceAccountToken`, volumeField)),
    ...(clusterTrustBundle === undefined ? [] : bundleErrors(clusterTrustBundle, `${field}.clusterTrustBundle`, paths)),
    ...(podCertificate === undefined ? [] : certificateErrors(podCertificate, `${field}.podCertificate`, paths)),
    ...when(given.length > 1, forbiddenField(field, "may not specify more than 1 volume type per source")),
  ];
}

export function validateProjectedVolume(projected: Projected, field: string): readonly FieldError[] {
  const paths = new Paths(field);
  return [
    ...validateFileMode(`${field}.defaultMode`, projected.defaultMode),
    ...(projected.sources ?? []).flatMap((source, i) => sourceErrors(source, `${field}.sources[${i}]`, field, paths)),
  ];
}
