/** Where a text stops being standard base64, in the decoder's words; undefined when it is fine. */
export function base64Problem(text: string): string | undefined {
  const clean = text.replace(/[\r\n]/gu, "");
  if (/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/u.test(clean)) return undefined;
  const good = /^[A-Za-z0-9+/]*/u.exec(clean)?.[0].length ?? 0;
  return `illegal base64 data at input byte ${good < clean.length ? good : Math.max(good - (good % 4), 0)}`;
}

/** Bytes a base64 text stands for. */
export function base64Length(text: string): number {
  const clean = text.replace(/[\r\n]/gu, "");
  const padding = clean.endsWith("==") ? 2 : clean.endsWith("=") ? 1 : 0;
  return (clean.length / 4) * 3 - padding;
}
