// Kakao's button is Kakao's: its design guide fixes colour, symbol and words, and nothing of ours
// (hover, dark pages, high contrast of our own) may change them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, visit } from '../harness/browser.mjs';
import { startDemo } from '../harness/demo.mjs';
import { kakaoButton } from '../harness/story.mjs';

const WORDS = { ko: '카카오 로그인', en: 'Login with Kakao' };
/** Pages with the button: the way in, and the ends of a login that did not succeed. */
const PAGES = ['/login', '/auth/kakao/cancelled', '/auth/error?e=code_used', '/auth/error?e=state_bad'];

let demo;
let browser;
before(async () => {
  demo = await startDemo();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

const look = (button) => button.evaluate((link) => {
  const style = getComputedStyle(link);
  const symbol = link.querySelector('svg');
  const box = link.getBoundingClientRect();
  const drawn = symbol.getBoundingClientRect();
  const text = link.querySelector('span').getBoundingClientRect();
  return {
    background: style.backgroundColor,
    image: style.backgroundImage,
    opacity: style.opacity,
    filter: style.filter,
    radius: style.borderRadius,
    colour: style.color,
    size: style.fontSize,
    spacing: style.letterSpacing,
    symbol: getComputedStyle(symbol).fill,
    ratio: symbol.getAttribute('viewBox'),
    height: box.height,
    share: drawn.height / box.height,
    gap: text.left - drawn.right,
    // The symbol and the words are centred together.
    lopsided: Math.abs((drawn.left - box.left) - (box.right - text.right)),
    words: link.textContent.trim(),
    link: link.tagName,
  };
});

function asTheGuideSays(seen, lang, where) {
  assert.equal(seen.background, 'rgb(254, 229, 0)', where);
  assert.equal(seen.image, 'none', where);
  assert.equal(seen.opacity, '1', where);
  assert.equal(seen.filter, 'none', where);
  assert.equal(seen.radius, '12px', where);
  assert.equal(seen.colour, 'rgba(0, 0, 0, 0.85)', where);
  assert.equal(seen.size, '16px', where);
  assert.equal(seen.spacing, 'normal', where);
  assert.equal(seen.symbol, 'rgb(0, 0, 0)', where);
  assert.equal(seen.ratio, '0 0 18 18', where);
  assert.ok(seen.height >= 45 && seen.height <= 50, `${where}: ${seen.height} px high`);
  assert.ok(seen.share > 0.35 && seen.share < 0.5, `${where}: the symbol takes ${seen.share}`);
  assert.ok(Math.abs(seen.gap - 8) < 0.5, `${where}: ${seen.gap} px between symbol and words`);
  assert.ok(seen.lopsided < 1.5, `${where}: off centre by ${seen.lopsided}`);
  assert.equal(seen.words, WORDS[lang], where);
  // A form could not lead to Kakao under our content security policy.
  assert.equal(seen.link, 'A', where);
}

for (const lang of ['ko', 'en']) {
  for (const theme of ['light', 'dark']) {
    // B11
    test(`the Kakao button is Kakao's own in ${lang} on ${theme} pages`, async () => {
      for (const width of [360, 1280]) {
        const { context, page, calm } = await visit(browser, { lang, theme, width });
        for (const path of PAGES) {
          await page.goto(demo.service + path);
          const button = kakaoButton(page);
          const where = `${path} at ${width} px`;
          asTheGuideSays(await look(button), lang, where);
          await button.hover();
          asTheGuideSays(await look(button), lang, `${where}, hovered`);
          await button.focus();
          asTheGuideSays(await look(button), lang, `${where}, focused`);
          await page.mouse.down();
          asTheGuideSays(await look(button), lang, `${where}, pressed`);
          await page.mouse.move(1, 1);
          await page.mouse.up();
        }
        calm();
        await context.close();
      }
    });
  }
}

// B11
test('nothing of ours wears the yellow', async () => {
  for (const theme of ['light', 'dark']) {
    const { context, page } = await visit(browser, { theme });
    for (const path of ['/', '/login', '/logged-out', '/help']) {
      await page.goto(demo.service + path);
      const others = await page.evaluate(() => [...document.querySelectorAll('body *')].filter((part) => {
        const { backgroundColor, color, borderTopColor } = getComputedStyle(part);
        const isYellow = [backgroundColor, color, borderTopColor].includes('rgb(254, 229, 0)');
        return isYellow && !part.closest('a.kakao');
      }).map((part) => part.outerHTML.slice(0, 80)));
      assert.deepEqual(others, [], `${path}, ${theme}`);
    }
    await context.close();
  }
});
