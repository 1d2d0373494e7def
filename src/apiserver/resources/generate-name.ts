import type { Random } from "../../ports/random.ts";

const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";
const RANDOM_LENGTH = 5;
const MAX_NAME_LENGTH = 63;

/** `base` and five random characters, cut to what a name may be long. "" for an empty base. */
export function generateName(base: string, random: Random): string {
  return base === "" ? "" : `${base.slice(0, MAX_NAME_LENGTH - RANDOM_LENGTH)}${randomSuffix(random)}`;
}

/** Five characters without vowels and look-alikes. */
export function randomSuffix(random: Random): string {
  const characters = Array.from(
    { length: RANDOM_LENGTH },
    () => ALPHABET[Math.floor(random.fraction() * ALPHABET.length)],
  );
  return characters.join("");
}
