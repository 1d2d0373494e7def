/** Rules for names, labels and other identifiers. Each function returns its problems as texts; none means valid. */

const LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const UNDERSCORE_LABEL = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const UNDERSCORE_SUBDOMAIN = `${UNDERSCORE_LABEL}(\\.${UNDERSCORE_LABEL})*`;
const DNS_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?";
const LABEL_KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const LABEL_VALUE = `(${LABEL_KEY})?`;
const CONFIG_KEY = "[-._a-zA-Z0-9]+";
const HTTP_HEADER = "[-A-Za-z0-9]+";
const ENV_NAME = "[-._a-zA-Z][-._a-zA-Z0-9]*";
const PERCENT = "[0-9]+%";

const LABEL_PATTERN = new RegExp(`^${LABEL}$`, "u");
const SUBDOMAIN_PATTERN = new RegExp(`^${SUBDOMAIN}$`, "u");
const UNDERSCORE_SUBDOMAIN_PATTERN = new RegExp(`^${UNDERSCORE_SUBDOMAIN}$`, "u");
const DNS_1035_PATTERN = new RegExp(`^${DNS_1035}$`, "u");
const LABEL_KEY_PATTERN = new RegExp(`^${LABEL_KEY}$`, "u");
const LABEL_VALUE_PATTERN = new RegExp(`^${LABEL_VALUE}$`, "u");
const CONFIG_KEY_PATTERN = new RegExp(`^${CONFIG_KEY}$`, "u");
const HTTP_HEADER_PATTERN = new RegExp(`^${HTTP_HEADER}$`, "u");
const ENV_NAME_PATTERN = new RegExp(`^${ENV_NAME}$`, "u");
const PERCENT_PATTERN = new RegExp(`^${PERCENT}$`, "u");

export type NameRule = (name: string) => readonly string[];

/** The text of a failed pattern, with examples. */
export function patternProblem(text: string, pattern: string, ...examples: readonly string[]): string {
  if (examples.length === 0) return `${text} (regex used for validation is '${pattern}')`;
  const shown = examples.map((example) => `'${example}', `).join(" or ");
  return `${text} (e.g. ${shown}regex used for validation is '${pattern}')`;
}

export function rangeProblem(low: number, high: number): string {
  return `must be between ${low} and ${high}, inclusive`;
}

/** UTF-8 length, as limits count bytes. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

function lengthProblems(value: string, limit: number, unit: "bytes" | "characters"): readonly string[] {
  return byteLength(value) > limit ? [`must be no more than ${limit} ${unit}`] : [];
}

/** RFC 1123 label: `my-name`. */
export function dnsLabelProblems(value: string): readonly string[] {
  const problems = [...lengthProblems(value, 63, "characters")];
  if (!LABEL_PATTERN.test(value)) {
    problems.push(
      SUBDOMAIN_PATTERN.test(value)
        ? "must not contain dots"
        : patternProblem(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
            LABEL,
            "my-name",
            "123-abc",
          ),
    );
  }
  return problems;
}

function subdomainProblemsIn(value: string, unit: "bytes" | "characters"): readonly string[] {
  const problems = [...lengthProblems(value, 253, unit)];
  if (!SUBDOMAIN_PATTERN.test(value)) {
    problems.push(
      patternProblem(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
        SUBDOMAIN,
        "example.com",
      ),
    );
  }
  return problems;
}

/** RFC 1123 subdomain: `example.com`. */
export function dnsSubdomainProblems(value: string): readonly string[] {
  return subdomainProblemsIn(value, "characters");
}

/** A subdomain whose labels may hold underscores, for DNS search paths. */
export function dnsSubdomainWithUnderscoreProblems(value: string): readonly string[] {
  const problems = [...lengthProblems(value, 253, "characters")];
  if (!UNDERSCORE_SUBDOMAIN_PATTERN.test(value)) {
    problems.push(
      patternProblem(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
        UNDERSCORE_SUBDOMAIN,
        "example.com",
      ),
    );
  }
  return problems;
}

/** RFC 1035 label, for services. */
export function dns1035LabelProblems(value: string): readonly string[] {
  const problems = [...lengthProblems(value, 63, "characters")];
  if (!DNS_1035_PATTERN.test(value)) {
    problems.push(
      patternProblem(
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
        DNS_1035,
        "my-name",
        "abc-123",
      ),
    );
  }
  return problems;
}

const LABEL_KEY_TEXT =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

/** Label keys, annotation keys (lower-cased first), finalizers, condition types: `[prefix/]name`. */
export function labelKeyProblems(value: string): readonly string[] {
  const pattern = patternProblem(LABEL_KEY_TEXT, LABEL_KEY, "MyName", "my.name", "123-abc");
  const parts = value.split("/");
  if (parts.length > 2) {
    return [`a valid label key ${pattern} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const problems: string[] = [];
  const name = parts.at(-1) ?? "";
  if (parts.length === 2) {
    const prefix = parts[0] ?? "";
    if (prefix === "") problems.push("prefix part must be non-empty");
    else problems.push(...subdomainProblemsIn(prefix, "bytes").map((problem) => `prefix part ${problem}`));
  }
  if (name === "") problems.push("name part must be non-empty");
  else problems.push(...lengthProblems(name, 63, "bytes").map((problem) => `name part ${problem}`));
  if (!LABEL_KEY_PATTERN.test(name)) problems.push(`name part ${pattern}`);
  return problems;
}

export function labelValueProblems(value: string): readonly string[] {
  const problems = [...lengthProblems(value, 63, "bytes")];
  if (!LABEL_VALUE_PATTERN.test(value)) {
    problems.push(
      patternProblem(
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        LABEL_VALUE,
        "MyValue",
        "my_value",
        "12345",
      ),
    );
  }
  return problems;
}

function parentFolderProblems(value: string): readonly string[] {
  if (value === ".") return ["must not be '.'"];
  if (value === "..") return ["must not be '..'"];
  return value.startsWith("..") ? ["must not start with '..'"] : [];
}

/** Keys of ConfigMaps and Secrets. */
export function configKeyProblems(value: string): readonly string[] {
  const problems = [...lengthProblems(value, 253, "characters")];
  if (!CONFIG_KEY_PATTERN.test(value)) {
    problems.push(
      patternProblem(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        CONFIG_KEY,
        "key.name",
        "KEY_NAME",
        "key-name",
      ),
    );
  }
  return [...problems, ...parentFolderProblems(value)];
}

/** The strict rule for environment variable names, used before RelaxedEnvironmentVariableValidation. */
export function environmentNameProblems(value: string): readonly string[] {
  const problems: string[] = [];
  if (!ENV_NAME_PATTERN.test(value)) {
    problems.push(
      patternProblem(
        "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit",
        ENV_NAME,
        "my.env-name",
        "MY_ENV.NAME",
        "MyEnvName1",
      ),
    );
  }
  return [...problems, ...parentFolderProblems(value)];
}

/** Printable ASCII but `=`. */
export function relaxedEnvironmentNameProblems(value: string): readonly string[] {
  if (value === "") return ["environment variable name must be non-empty"];
  if (/^[\x20-\x3c\x3e-\x7e]*$/u.test(value)) return [];
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

export function httpHeaderNameProblems(value: string): readonly string[] {
  if (HTTP_HEADER_PATTERN.test(value)) return [];
  return [
    patternProblem("a valid HTTP header must consist of alphanumeric characters or '-'", HTTP_HEADER, "X-Header-Name"),
  ];
}

export function percentProblems(value: string): readonly string[] {
  if (PERCENT_PATTERN.test(value)) return [];
  return [
    patternProblem("a valid percent string must be a numeric string followed by an ending '%'", PERCENT, "1%", "93%"),
  ];
}

export function portNumberProblems(port: number): readonly string[] {
  return port >= 1 && port <= 65535 ? [] : [rangeProblem(1, 65535)];
}

/** IANA service names, for named ports. */
export function portNameProblems(name: string): readonly string[] {
  const problems = [...lengthProblems(name, 15, "characters")];
  if (!/^[-a-z0-9]+$/u.test(name)) {
    problems.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  }
  if (!/[a-z]/u.test(name)) problems.push("must contain at least one letter (a-z)");
  if (name.includes("--")) problems.push("must not contain consecutive hyphens");
  if (name.startsWith("-") || name.endsWith("-")) problems.push("must not begin or end with a hyphen");
  return problems;
}

const LARGEST_ID = 2 ** 31 - 1;

/** Users and groups inside containers. */
export function userOrGroupIdProblems(id: number): readonly string[] {
  return id >= 0 && id <= LARGEST_ID ? [] : [rangeProblem(0, LARGEST_ID)];
}

/** Names that may be one segment of a URL path. */
export function pathSegmentProblems(name: string): readonly string[] {
  if (name === "." || name === "..") return [`may not be '${name}'`];
  return ["/", "%"].filter((part) => name.includes(part)).map((part) => `may not contain '${part}'`);
}
