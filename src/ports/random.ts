/** Randomness as a dependency; tests use a seeded one. */
export interface Random {
  /** Cryptographically strong bytes. */
  bytes(length: number): Uint8Array;
  /** A version 4 UUID. */
  uuid(): string;
  /** Uniform in [0, 1). Not for secrets. */
  fraction(): number;
}
