// The texts of the pages, from the file that the pages themselves are made of. What must not
// change with that file, such as the words of Kakao's button, is written out in the tests.

import { readFileSync } from 'node:fs';

const COPY = new URL('../../src/copy.toml', import.meta.url);
const TABLE = /^\["([^"]+)"\]\nko = "(.*)"\nen = "(.*)"$/gm;

const texts = new Map();
for (const [, key, ko, en] of readFileSync(COPY, 'utf8').matchAll(TABLE)) {
  texts.set(key, { ko, en });
}

/** Every key, for the test that no page shows one. */
export const keys = [...texts.keys()];

/** The text `key` in `lang`. An unknown key is a mistake in a test. */
export function word(lang, key) {
  const text = texts.get(key)?.[lang];
  if (!text) throw new Error(`no text ${key} in ${lang}`);
  return text;
}
