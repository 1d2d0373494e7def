import { failed, ok, type Result } from "../../lib/result.ts";

/** A distribution as /etc/os-release names it. */
export interface Release {
  readonly family: "debian" | "ubuntu";
  readonly codename: string;
}

/** One archive the host installs from. */
export interface Archive {
  readonly uri: string;
  readonly suites: readonly string[];
  /** Path of the keyring, or undefined when apt's trusted keys are used. */
  readonly signedBy?: string;
  readonly trusted: boolean;
}

/** Which Debian or Ubuntu this is, from the text of /etc/os-release. Derivatives count as what they derive from. */
export function parseRelease(osRelease: string): Result<Release> {
  const fields = new Map<string, string>();
  for (const line of osRelease.split("\n")) {
    const at = line.indexOf("=");
    if (at > 0) fields.set(line.slice(0, at), line.slice(at + 1).replace(/^["']|["']$/g, ""));
  }
  const ids = [fields.get("ID") ?? "", ...(fields.get("ID_LIKE") ?? "").split(" ")];
  const family = ids.includes("ubuntu") ? "ubuntu" : ids.includes("debian") ? "debian" : undefined;
  if (family === undefined) return failed(fields.get("PRETTY_NAME") ?? "an unknown distribution");
  const codename =
    (family === "ubuntu" ? fields.get("UBUNTU_CODENAME") : fields.get("DEBIAN_CODENAME")) ??
    fields.get("VERSION_CODENAME") ??
    "";
  return ok({ family, codename });
}

/** The archives in one file of /etc/apt, in either of apt's two formats. Disabled and source-only entries are left out. */
export function parseArchives(fileName: string, text: string): readonly Archive[] {
  return fileName.endsWith(".sources") ? parseStanzas(text) : parseLines(text);
}

function parseStanzas(text: string): readonly Archive[] {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const fields = new Map<string, string>();
    let last = "";
    for (const line of stanza.split("\n").filter((one) => !one.startsWith("#"))) {
      const field = /^([A-Za-z-]+):\s*(.*)$/.exec(line);
      if (field?.[1] !== undefined) {
        last = field[1].toLowerCase();
        fields.set(last, (field[2] ?? "").trim());
      } else if (/^\s/.test(line)) {
        fields.set(last, `${fields.get(last) ?? ""}\n${line.trim()}`);
      }
    }
    const types = words(fields.get("types"));
    if (!types.includes("deb") || /^(no|false|0)$/i.test(fields.get("enabled") ?? "yes")) return [];
    const signedBy = fields.get("signed-by");
    return words(fields.get("uris")).map((uri) => ({
      uri,
      suites: words(fields.get("suites")),
      trusted: /^(yes|true|1)$/i.test(fields.get("trusted") ?? ""),
      ...(signedBy?.startsWith("/") === true && { signedBy }),
    }));
  });
}

function parseLines(text: string): readonly Archive[] {
  return text.split("\n").flatMap((line) => {
    const parts = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)/.exec(line);
    const [, settings = "", uri, suite] = parts ?? [];
    if (uri === undefined || suite === undefined) return [];
    const signedBy = /signed-by=(\/\S+)/i.exec(settings)?.[1];
    const trusted = /trusted=(yes|true|1)/i.test(settings);
    return [{ uri, suites: [suite], trusted, ...(signedBy !== undefined && { signedBy }) }];
  });
}

function words(value: string | undefined): readonly string[] {
  return (value ?? "").split(/\s+/).filter((word) => word !== "");
}

/**
 * The host's own archive of its distribution: where newer suites of the same distribution are found as well. Archives
 * that carry only security updates or third parties' packages do not count.
 */
export function mainArchive(release: Release, archives: readonly Archive[]): Archive | undefined {
  const usable = archives.filter((archive) => /^(https?|mirror\+file|file|copy):/.test(archive.uri));
  const own = usable.filter((archive) => archive.suites.includes(release.codename));
  const rolling = release.family === "debian" ? ["sid", "unstable", "testing", "stable", "oldstable"] : ["devel"];
  const named = (archive: Archive): boolean => new RegExp(`/${release.family}(-ports)?/?$`).test(archive.uri);
  return (
    own.find(named) ??
    own[0] ??
    usable.find((archive) => archive.suites.some((suite) => rolling.includes(suite)) && named(archive))
  );
}

/** Releases whose own containerd or runc is known to be too old for user namespaces: looking there is a waste. */
const TOO_OLD: readonly string[] = ["bullseye", "bookworm", "trixie", "focal", "jammy", "noble", "oracular", "plucky"];

/** Suites to look in, best first: the host's own release, then what is newer. */
export function candidateSuites(release: Release): readonly string[] {
  const newer = release.family === "debian" ? ["testing", "sid"] : ["devel"];
  const own = release.codename === "" || TOO_OLD.includes(release.codename) ? [] : [release.codename];
  return [...own, ...newer.filter((suite) => !own.includes(suite))];
}
