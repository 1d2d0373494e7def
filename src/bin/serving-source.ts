import type { ServingCertificate } from "../adapters/http/server.ts";

/** What a listener shows its clients, now and after each renewal. */
export interface ServingSource {
  /** undefined: there is no certificate (yet); handshakes fail until there is one. */
  current(): ServingCertificate | undefined;
  /** Called with each new certificate; returns how to stop. */
  onChange(listener: (certificate: ServingCertificate) => void): () => void;
}

export interface WritableServingSource extends ServingSource {
  /** Takes over what is given; the rest stays. */
  set(part: Partial<ServingCertificate>): void;
}

/** Certificate and named authorities change independently of each other; listeners get both together. */
export function createServingSource(initial: Partial<ServingCertificate> = {}): WritableServingSource {
  const listeners = new Set<(certificate: ServingCertificate) => void>();
  let parts = initial;
  const current = (): ServingCertificate | undefined => {
    const { cert, key, clientCa } = parts;
    if (cert === undefined || key === undefined) return undefined;
    return { cert, key, ...(clientCa !== undefined && { clientCa }) };
  };
  return {
    current,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    set: (part) => {
      parts = { ...parts, ...part };
      const next = current();
      if (next !== undefined) for (const listener of listeners) listener(next);
    },
  };
}
