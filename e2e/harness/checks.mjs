// What must hold on any page, whoever looks at it and however.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { keys } from './words.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

// What axe leaves for a human to judge, judged: the initial in the avatar is too short for it to
// be sure that it is text (info on its background: 7.0 light, 9.1 dark).
const INITIAL = 'incomplete: color-contrast at .avatar > span';

/** For pages on which axe cannot tell what is behind the text, such as stripes. */
export const CONTRAST = 'incomplete: color-contrast';

/**
 * No violation, and nothing that axe leaves for a human and that is not among the `judged`. Runs
 * from outside the page, so the content security policy stays as it is.
 */
export async function accessible(page, judged = INITIAL) {
  await page.evaluate(AXE);
  const found = await page.evaluate(async (values) => {
    const result = await window.axe.run({ runOnly: { type: 'tag', values } });
    const place = (node) => (document.querySelector(node.target[0])?.closest('.avatar') ? '.avatar > span' : node.target);
    const brief = (kind) => result[kind].flatMap(({ id, nodes }) => nodes.map((node) =>
      `${kind}: ${id} at ${place(node)}`));
    return [...brief('violations'), ...brief('incomplete')];
  }, RULES);
  const open = found.filter((line) => !line.startsWith(judged));
  assert.deepEqual(open, [], `axe on ${page.url()}`);
}

/** Nothing reaches past the side, neither the page nor a part that hides what overflows. */
export async function fits(page) {
  // A click waits until the next page begins, and not for its style sheet.
  await page.waitForLoadState();
  const past = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    const parts = [...document.body.querySelectorAll('*')].filter((part) => {
      const box = part.getBoundingClientRect();
      const isHidden = part.closest('.vh, .skip, svg');
      const scrolls = part.closest('.scroll');
      return !isHidden && !scrolls && box.width > 0 && box.right > clientWidth + 0.5;
    });
    const clipped = [...document.body.querySelectorAll('h1, h2, p, a, button, dt, dd, span, label')].filter((part) =>
      getComputedStyle(part).overflow !== 'visible'
      && !part.closest('.vh, .skip, .avatar, .scroll')
      && (part.scrollWidth > part.clientWidth + 1 || part.scrollHeight > part.clientHeight + 1));
    const name = (part) => `${part.tagName} ${part.className} "${part.textContent.trim().slice(0, 30)}"`;
    return {
      over: scrollWidth - clientWidth,
      parts: parts.map(name),
      clipped: clipped.map(name),
    };
  });
  assert.deepEqual(past, { over: 0, parts: [], clipped: [] }, `width of ${page.url()}`);
}

/** One main heading, no level left out, one of each landmark, a title that names the page. */
export async function wellFormed(page, lang) {
  const seen = await page.evaluate(() => ({
    lang: document.documentElement.lang,
    title: document.title,
    // What is wrong with a form is said before the page's own heading, where it is read first.
    levels: [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')]
      .filter((h) => !h.closest('.errsum'))
      .map((h) => Number(h.tagName[1])),
    marks: ['header', 'main', 'footer'].map((name) => document.querySelectorAll(`body > ${name}`).length),
  }));
  assert.equal(seen.lang, lang);
  assert.notEqual(seen.title, '');
  assert.equal(seen.levels.filter((level) => level === 1).length, 1, `main headings of ${page.url()}`);
  seen.levels.reduce((before, level) => {
    assert.ok(level <= before + 1, `h${level} after h${before} on ${page.url()}`);
    return level;
  }, 0);
  assert.deepEqual(seen.marks, [1, 1, 1], `landmarks of ${page.url()}`);
  return seen.title;
}

const HANGUL = /[\uAC00-\uD7A3]/;
// What an error code of Kakao's looks like: for the log, never for a person.
const INTERNAL = /KOE\d|invalid_|access_denied|error_description|\{[a-z_]*\}/;

/**
 * No key, no placeholder, nothing internal, and on English pages no Korean but names. `codes`: it is
 * Kakao's error codes that the page is about.
 */
export async function translated(page, lang, { codes = false } = {}) {
  const seen = await page.evaluate(() => {
    const skip = 'bdi, .avatar, [lang]:not(html), script, style';
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const texts = [document.title];
    while (walk.nextNode()) {
      const node = walk.currentNode;
      if (!node.parentElement.closest(skip)) texts.push(node.data.trim());
    }
    for (const part of document.querySelectorAll('[aria-label], [alt], [data-busy]')) {
      if (part.closest(skip)) continue;
      for (const name of ['aria-label', 'alt', 'data-busy']) texts.push(part.getAttribute(name) ?? '');
    }
    return texts.filter(Boolean);
  });
  const known = new Set(keys.filter((key) => key.includes('.')));
  for (const text of seen) {
    assert.doesNotMatch(codes ? text.replaceAll(/KOE\d{3}/g, '') : text, INTERNAL, page.url());
    assert.ok(!known.has(text), `the key ${text} on ${page.url()}`);
    if (lang === 'en') assert.doesNotMatch(text, HANGUL, `Korean on ${page.url()}`);
  }
  if (lang === 'ko') {
    const buttons = await page.locator('main :is(button, a.btn, a.kakao)').filter({ visible: true }).allInnerTexts();
    for (const label of buttons) assert.match(label, HANGUL, `a button without Korean on ${page.url()}`);
  }
}

/** Everything to press is large enough: 24 px anywhere (WCAG 2.5.8), 44 px outside the footer. */
export async function pressable(page) {
  const small = await page.evaluate(() => [...document.querySelectorAll('a, button, input:not([type=hidden]), select, summary')]
    .filter((part) => part.checkVisibility() && !part.closest('.skip, p:not(.btns) > a'))
    .flatMap((part) => {
      // A box is pressed by its label, too.
      const { width, height } = (part.closest('label') ?? part).getBoundingClientRect();
      const least = part.closest('footer') ? 24 : 44;
      const isSmall = height < least - 0.5 || width < 24;
      return isSmall ? [`${part.textContent.trim() || part.name} ${width}×${height}`] : [];
    }));
  assert.deepEqual(small, [], `too small on ${page.url()}`);
}

/** What moved by itself while the page was loading (0 is nothing, 1 is everything). */
export async function steady(page) {
  const shifted = await page.evaluate(() => window.shifted);
  assert.ok(shifted <= 0.01, `${page.url()} shifted by ${shifted}`);
}
