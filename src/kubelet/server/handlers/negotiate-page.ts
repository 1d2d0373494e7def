/** Group of the structured forms of /flagz and /statusz. */
export const PAGE_GROUP = "config.k8s.io";

export type PageVersion = "v1alpha1" | "v1beta1";

/** How a client wants /flagz or /statusz. */
export type PageForm = { readonly as: "text" } | { readonly as: "json" | "yaml"; readonly version: PageVersion };

interface MediaRange {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

const STRUCTURED = ["json", "yaml"] as const;

/**
 * The first form the client accepts, ranges with a higher q first. Structured forms are only for those who name group,
 * version and kind, text only for those who name none of them: a plain application/json is not acceptable. undefined:
 * nothing we have is.
 */
export function negotiatePage(accept: string | undefined, kind: string): PageForm | undefined {
  if (accept === undefined || accept.trim() === "") return { as: "text" };
  const ranges = accept
    .split(",")
    .map(parseRange)
    .toSorted((a, b) => b.quality - a.quality);
  for (const range of ranges) {
    const form = formFor(range, kind);
    if (form !== undefined) return form;
  }
  return undefined;
}

function parseRange(text: string): MediaRange {
  const [type = "", ...rest] = text.split(";").map((part) => part.trim());
  const parameters = new Map(
    rest.map((part): [string, string] => {
      const equals = part.indexOf("=");
      return equals < 0 ? [part, ""] : [part.slice(0, equals), part.slice(equals + 1)];
    }),
  );
  const quality = Number(parameters.get("q") ?? "1");
  return { type, parameters, quality: Number.isFinite(quality) ? quality : 1 };
}

function formFor({ type, parameters }: MediaRange, kind: string): PageForm | undefined {
  const [group, version, as] = ["g", "v", "as"].map((name) => parameters.get(name));
  const takes = (offered: string): boolean =>
    type === offered || type === "*/*" || type === `${offered.slice(0, offered.indexOf("/"))}/*`;
  if (group === undefined && version === undefined && as === undefined) {
    return takes("text/plain") ? { as: "text" } : undefined;
  }
  if (group !== PAGE_GROUP || as !== kind || (version !== "v1alpha1" && version !== "v1beta1")) return undefined;
  const form = STRUCTURED.find((name) => takes(`application/${name}`));
  return form === undefined ? undefined : { as: form, version };
}
