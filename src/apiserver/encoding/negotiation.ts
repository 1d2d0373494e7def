import { notAcceptable } from "../../api/status-error.ts";
import type { HttpRequest } from "../../ports/http.ts";

/** What objects may be turned into on their way out. */
export type Transform = "Table" | "PartialObjectMetadata" | "PartialObjectMetadataList";

export interface OutputFormat {
  readonly encoding: "json" | "yaml";
  readonly pretty: boolean;
  /** Absent: the object as it is. */
  readonly transform?: { readonly kind: Transform; readonly version: "v1" | "v1beta1" };
}

interface Clause {
  readonly type: string;
  readonly quality: number;
  readonly parameters: ReadonlyMap<string, string>;
}

const JSON_TYPES: ReadonlySet<string> = new Set(["*/*", "application/*", "application/json"]);
const YAML_TYPES: ReadonlySet<string> = new Set(["application/yaml"]);

export interface EndpointLimits {
  readonly transforms: readonly Transform[];
  /** A watch: a stream of JSON. YAML can not be streamed. */
  readonly stream: boolean;
}

/**
 * Picks the first format of the Accept header that this server can produce, in the client's order of preference.
 * Protobuf and CBOR are passed over.
 *
 * @throws StatusError 406 when nothing fits
 */
export function negotiate(request: HttpRequest, limits: EndpointLimits): OutputFormat {
  const pretty = wantsPretty(request);
  const accept = request.headers["accept"] ?? "";
  if (accept.trim() === "") return { encoding: "json", pretty };
  for (const clause of parseAccept(accept)) {
    const format = acceptable(clause, limits);
    if (format !== undefined) return { ...format, pretty: pretty || format.pretty };
  }
  const types = limits.stream ? "application/json;stream=watch" : "application/json, application/yaml";
  throw notAcceptable(`only the following media types are accepted: ${types}`);
}

function acceptable({ type, parameters }: Clause, limits: EndpointLimits): OutputFormat | undefined {
  const encoding = JSON_TYPES.has(type) ? "json" : YAML_TYPES.has(type) && !limits.stream ? "yaml" : undefined;
  if (encoding === undefined) return undefined;
  const stream = parameters.get("stream") ?? "";
  if (stream !== "" && (stream !== "watch" || !limits.stream)) return undefined;
  const pretty = parameters.get("pretty") === "1";
  if (!["as", "g", "v"].some((name) => parameters.has(name))) return { encoding, pretty };
  const kind = limits.transforms.find((transform) => transform === parameters.get("as"));
  const version = parameters.get("v");
  if (kind === undefined || parameters.get("g") !== "meta.k8s.io") return undefined;
  if (version !== "v1" && version !== "v1beta1") return undefined;
  return { encoding, pretty, transform: { kind, version } };
}

/** Clauses by falling quality; the order of the header breaks ties. Exported for discovery, which negotiates by itself. */
export function parseAccept(header: string): readonly Clause[] {
  return header
    .split(",")
    .map((text): Clause => {
      const [type = "", ...rest] = text.split(";").map((part) => part.trim());
      const parameters = new Map(
        rest.map((parameter): [string, string] => {
          const [name = "", value = ""] = parameter.split("=").map((part) => part.trim());
          return [name.toLowerCase(), value.replaceAll('"', "")];
        }),
      );
      const quality = Number(parameters.get("q") ?? "1");
      return { type: type.toLowerCase(), quality: Number.isNaN(quality) ? 1 : quality, parameters };
    })
    .filter(({ type, quality }) => type !== "" && quality > 0)
    .sort((left, right) => right.quality - left.quality);
}

/** People read what curl and browsers show. */
function wantsPretty({ query, headers }: HttpRequest): boolean {
  const asked = query.get("pretty");
  if (asked !== null && asked !== "") return asked === "true" || asked === "1";
  return /^(?:curl|Wget|Mozilla\/5\.0)/.test(headers["user-agent"] ?? "");
}
