import type { Volume } from "../../types.ts";
import { changeEach, changeField, fill } from "../fill.ts";
import { SOURCE_DEFAULTS } from "../volumes/source-defaults.ts";
import { defaultPullPolicy } from "./default-container.ts";
import { roundToMilli } from "../round-amounts.ts";

/** 0644 */
const FILE_MODE = 420;
const TOKEN_LIFETIME_SECONDS = 3600;

type DownwardFile = NonNullable<NonNullable<Volume["downwardAPI"]>["items"]>[number];
type Source = NonNullable<NonNullable<Volume["projected"]>["sources"]>[number];

function defaultDownwardFile(file: DownwardFile): DownwardFile {
  return changeField(file, "fieldRef", (fieldRef) => fill(fieldRef, { apiVersion: "v1" }));
}

function withMode<T extends { readonly defaultMode?: number }>(source: T): T {
  return source.defaultMode === undefined ? { ...source, defaultMode: FILE_MODE } : source;
}

function defaultSource(source: Source): Source {
  const downward = changeField(source, "downwardAPI", (downwardAPI) =>
    changeEach(downwardAPI, "items", defaultDownwardFile),
  );
  return changeField(downward, "serviceAccountToken", (token) =>
    token.expirationSeconds === undefined ? { ...token, expirationSeconds: TOKEN_LIFETIME_SECONDS } : token,
  );
}

type ByName = { readonly [K in keyof Volume]-?: (source: NonNullable<Volume[K]>) => NonNullable<Volume[K]> };

const DEFAULTS: Partial<ByName> = {
  ...SOURCE_DEFAULTS,
  secret: withMode,
  configMap: withMode,
  downwardAPI: (source) => changeEach(withMode(source), "items", defaultDownwardFile),
  projected: (source) => changeEach(withMode(source), "sources", defaultSource),
  image: (source) => fill(source, { pullPolicy: defaultPullPolicy(source.reference) }),
  ephemeral: (source) =>
    changeField(source, "volumeClaimTemplate", (template) =>
      changeField(template, "spec", (spec) =>
        changeField(fill(spec, { volumeMode: "Filesystem" }), "resources", (resources) =>
          changeField(changeField(resources, "limits", roundToMilli), "requests", roundToMilli),
        ),
      ),
    ),
};

/** A volume without any source is an emptyDir. */
export function defaultVolume(given: Volume): Volume {
  const sources = Object.keys(given).filter((key) => key !== "name");
  let volume: Volume = sources.length === 0 ? { ...given, emptyDir: {} } : given;
  for (const key of sources as readonly (keyof Volume)[]) {
    const change = DEFAULTS[key] as ((source: NonNullable<Volume[keyof Volume]>) => never) | undefined;
    if (change !== undefined) volume = changeField(volume, key, change);
  }
  return volume;
}
