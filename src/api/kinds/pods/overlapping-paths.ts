import type { AnyVolume } from "./pod-rules.ts";

type Projection = NonNullable<NonNullable<NonNullable<AnyVolume["projected"]>["sources"]>[number]>;
type Items = readonly { readonly path?: string | undefined }[] | undefined;

/** A path in a volume, and where its file comes from. */
interface Place {
  readonly path: string;
  readonly source: string;
}

function placesOf(items: Items, source: string): readonly Place[] {
  return (items ?? []).map(({ path = "" }) => ({ path: path.replace(/\/+$/u, ""), source }));
}

function textOf({ path, source }: Place): string {
  return source === "" ? JSON.stringify(path) : `${JSON.stringify(path)} (${source})`;
}

function doOverlap(a: Place, b: Place): boolean {
  if (a.path === "" || b.path === "") return false;
  return `${a.path}/`.startsWith(`${b.path}/`) || `${b.path}/`.startsWith(`${a.path}/`);
}

function overlaps(places: readonly Place[]): readonly string[] {
  return places.flatMap((place, i) =>
    places
      .slice(0, i)
      .filter((other) => doOverlap(place, other))
      .map((other) => `${textOf(place)} with ${textOf(other)}`),
  );
}

function projectionPlaces(source: Projection): readonly Place[] {
  const { configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } = source;
  const bundle = clusterTrustBundle?.name ?? clusterTrustBundle?.signerName ?? "";
  const certificate = [
    [podCertificate?.certificateChainPath, "PodCertificate chain"],
    [podCertificate?.keyPath, "PodCertificate key"],
    [podCertificate?.credentialBundlePath, "PodCertificate credential bundle"],
  ] as const;
  return [
    ...placesOf(configMap?.items, `ConfigMap ${JSON.stringify(configMap?.name ?? "")}`),
    ...placesOf(secret?.items, `Secret ${JSON.stringify(secret?.name ?? "")}`),
    ...placesOf(downwardAPI?.items, "DownwardAPI"),
    ...(serviceAccountToken === undefined ? [] : placesOf([serviceAccountToken], "ServiceAccountToken")),
    ...(clusterTrustBundle === undefined
      ? []
      : placesOf([clusterTrustBundle], `ClusterTrustBundle ${JSON.stringify(bundle)}`)),
    ...certificate.flatMap(([path, name]) => (path === undefined ? [] : placesOf([{ path }], name))),
  ];
}

function isEmpty(source: Projection): boolean {
  return Object.values(source).every((value) => value === undefined);
}

function volumeWarnings(volume: AnyVolume): readonly string[] {
  const { name = "", configMap, secret, downwardAPI, projected } = volume;
  const warn = (kind: string, places: readonly Place[]): readonly string[] =>
    overlaps(places).map((text) => `volume ${JSON.stringify(name)} (${kind}): overlapping paths: ${text}`);
  const sources = projected?.sources ?? [];
  return [
    ...warn(`ConfigMap ${JSON.stringify(configMap?.name ?? "")}`, placesOf(configMap?.items, "")),
    ...warn(`Secret ${JSON.stringify(secret?.secretName ?? "")}`, placesOf(secret?.items, "")),
    ...warn("DownwardAPI", placesOf(downwardAPI?.items, "")),
    ...sources.flatMap((source) =>
      isEmpty(source) ? [`volume ${JSON.stringify(name)} (Projected) has no sources provided`] : [],
    ),
    ...warn("Projected", sources.flatMap(projectionPlaces)),
  ];
}

/** Files of one volume that would end up at the same path, or one below another. */
export function overlappingPathWarnings(volumes: readonly AnyVolume[]): readonly string[] {
  return volumes.flatMap(volumeWarnings);
}
