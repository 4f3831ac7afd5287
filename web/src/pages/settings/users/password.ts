// SPDX-License-Identifier: Apache-2.0
// One-time passwords: made in the browser, shown once, to be changed at the first sign-in.

/** Letters and digits that are not mistaken for one another when they are read out. */
const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789';
const GROUPS = 4;
const GROUP_CHARS = 5;

/** Fills an array with random bytes. */
export type Randomness = (bytes: Uint8Array<ArrayBuffer>) => void;

/** Of the browser's generator for keys. */
export const browserRandomness: Randomness = (bytes) => {
  crypto.getRandomValues(bytes);
};

/** `mkcn4-zg3gz-x9d49-zdbnn`: 99 bits of randomness. */
export function oneTimePassword(fill: Randomness = browserRandomness): string {
  const characters: string[] = [];
  const bytes = new Uint8Array(64);
  // A byte beyond the last whole multiple of the alphabet would favour its beginning.
  const usable = 256 - (256 % ALPHABET.length);
  while (characters.length < GROUPS * GROUP_CHARS) {
    fill(bytes);
    for (const byte of bytes) {
      if (byte < usable) characters.push(ALPHABET.charAt(byte % ALPHABET.length));
    }
  }
  const groups = Array.from({ length: GROUPS }, (_, group) =>
    characters.slice(group * GROUP_CHARS, (group + 1) * GROUP_CHARS).join(''),
  );
  return groups.join('-');
}
