import { GIT_VERSION, KUBERNETES_VERSION } from "../../api/version.ts";
import type { HttpRequest, HttpResponse } from "../../ports/http.ts";
import { answer } from "../encoding/answer.ts";
import { negotiate, parseAccept } from "../encoding/negotiation.ts";
import { hashOf } from "../encoding/hash.ts";
import { aggregatedDocument, groupDocument, groupList, legacyVersions, resourceList } from "./documents.ts";
import type { DiscoveredResource } from "./resource-list.ts";

/** Answers /api, /apis, /api/v1, /apis/GROUP and /apis/GROUP/VERSION; undefined for paths that are none of these. */
export type Discovery = (request: HttpRequest) => HttpResponse | undefined;

export function createDiscovery(
  resources: readonly DiscoveredResource[],
  options: { readonly serverAddress: string },
): Discovery {
  /** Documents are the same for everybody and stay the same: made once, when somebody asks. */
  const documents = new Map<string, string | undefined>();
  const documentAt = (path: string, make: () => unknown): string | undefined => {
    if (!documents.has(path)) documents.set(path, JSON.stringify(make()));
    return documents.get(path);
  };
  const plain = (request: HttpRequest, key: string, make: () => unknown): HttpResponse | undefined => {
    const document = documentAt(key, make);
    if (document === undefined) return undefined;
    return answer(200, JSON.parse(document), negotiate(request, { transforms: [], stream: false }));
  };
  const root = (request: HttpRequest, name: "api" | "apis", make: () => unknown): HttpResponse | undefined => {
    const version = aggregatedVersion(request);
    if (version === undefined) return plain(request, name, make);
    const document = documentAt(`${name} ${version}`, () => aggregatedDocument(name, version, resources)) ?? "";
    const etag = `"${hashOf(document)}"`;
    const headers = {
      "Content-Type": `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
      ETag: etag,
      Vary: "Accept",
    };
    if (request.headers["if-none-match"] === etag) return { status: 304, headers };
    return { status: 200, headers, body: document };
  };

  return (request) => {
    const parts = request.path.replace(/\/$/, "").split("/").slice(1);
    const [prefix, second = "", third = "", ...rest] = parts;
    if (rest.length > 0) return undefined;
    if (prefix === "api" && third === "") {
      if (second === "") return root(request, "api", () => legacyVersions(options.serverAddress));
      return plain(request, `api/${second}`, () => resourceList({ group: "", version: second }, resources));
    }
    if (prefix !== "apis") return undefined;
    if (second === "") return root(request, "apis", () => groupList(resources));
    if (third === "") return plain(request, `apis/${second}`, () => groupDocument(second, resources));
    return plain(request, `apis/${second}/${third}`, () => resourceList({ group: second, version: third }, resources));
  };
}

/** The version of aggregated discovery the client prefers to the plain documents. */
function aggregatedVersion(request: HttpRequest): "v2" | "v2beta1" | undefined {
  for (const { type, parameters } of parseAccept(request.headers["accept"] ?? "")) {
    if (type !== "application/json" && type !== "*/*" && type !== "application/*") continue;
    if (!parameters.has("as")) return undefined;
    const version = parameters.get("v");
    const fits = parameters.get("as") === "APIGroupDiscoveryList" && parameters.get("g") === "apidiscovery.k8s.io";
    if (fits && (version === "v2" || version === "v2beta1")) return version;
  }
  return undefined;
}

/** GET /version. */
export function versionDocument(emulatedVersion: string, platform: string): unknown {
  const [major = "", minor = ""] = KUBERNETES_VERSION.split(".");
  const [emulationMajor = major, emulationMinor = minor] = emulatedVersion.split(".");
  return {
    major,
    minor,
    emulationMajor,
    emulationMinor,
    minCompatibilityMajor: emulationMajor,
    minCompatibilityMinor: String(Number(emulationMinor) - 1),
    gitVersion: GIT_VERSION,
    gitCommit: "",
    gitTreeState: "clean",
    buildDate: "1970-01-01T00:00:00Z",
    goVersion: "",
    compiler: "",
    platform,
  };
}
