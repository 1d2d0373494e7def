import { type ImageName, parseImageName } from "../../api/image-name.ts";
import { failed, ok, type Result } from "../../lib/result.ts";

export interface ImageReference extends ImageName {
  /** What the runtime is asked for: the name as given, with ":latest" when it named neither tag nor digest. */
  readonly text: string;
}

export function readImageReference(text: string): Result<ImageReference> {
  const parsed = parseImageName(text);
  if (parsed === undefined) {
    const lowered = parseImageName(text.toLowerCase());
    const why = lowered === undefined ? "" : `: repository name (${text.replace(/[:@].*$/u, "")}) must be lowercase`;
    return failed(`couldn't parse image name "${text}": invalid reference format${why}`);
  }
  const named = text.slice(text.lastIndexOf("/") + 1);
  const bare = parsed.digest === "" && !named.includes(":");
  return ok({ ...parsed, text: bare ? `${text}:latest` : text });
}
