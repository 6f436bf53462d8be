// For people who see differently: large text, wide spacing, colours of their own, no motion.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, visit } from '../harness/browser.mjs';
import { accessible, CONTRAST, fits } from '../harness/checks.mjs';
import { startDemo } from '../harness/demo.mjs';
import { open, personal } from '../harness/pages.mjs';
import { kakaoButton, logIn } from '../harness/story.mjs';

/** Spacing that a person may set, and that must not hide anything (WCAG 1.4.12). */
const SPACING = `* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important; }
p { margin-bottom: 2em !important; }`;

let demo;
let browser;
let member;
before(async () => {
  demo = await startDemo();
  browser = await launch();
  const { context, page } = await visit(browser);
  await logIn(page, demo.service, 'linked');
  await logIn((await visit(browser)).page, demo.service, 'linked');
  member = await context.storageState();
  await context.close();
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

/** Calls `check` on every page, as a visitor and as a member. */
async function everywhere(settings, check) {
  for (const [pages, storageState] of [[open, undefined], [personal, member]]) {
    const { context, page, calm } = await visit(browser, { ...settings, storageState });
    for (const [path] of pages) {
      await page.goto(demo.service + path);
      await check(page);
    }
    calm();
    await context.close();
  }
}

for (const lang of ['ko', 'en']) {
  // B6: 320 px is a desk of 1280 px at 400 %, 640 px the same at 200 %.
  for (const width of [320, 640]) {
    test(`no page in ${lang} scrolls sideways at ${width} px`, async () => {
      await everywhere({ lang, width }, fits);
    });
  }

  // B7
  test(`wide spacing hides nothing in ${lang}`, async () => {
    for (const width of [360, 1280]) {
      // Our policy forbids styles of others; the person's own are not subject to it.
      await everywhere({ lang, width, bypassCSP: true }, async (page) => {
        await page.addStyleTag({ content: SPACING });
        await fits(page);
      });
    }
  });

  // B6
  test(`text twice as large fits in ${lang}`, async () => {
    await everywhere({ lang, width: 640, bypassCSP: true }, async (page) => {
      await page.addStyleTag({ content: 'html { font-size: 200% !important; }' });
      await fits(page);
    });
  });
}

// B2
test('colours of the person replace ours, and everything can still be told apart', async () => {
  await everywhere({ forcedColors: 'active' }, async (page) => {
    // The colours are the person's, so their contrast is too.
    await accessible(page, CONTRAST);
    const borderless = await page.locator('main :is(.btn, .kakao, .card, .note)').evaluateAll((parts) => parts
      .filter((part) => ['Top', 'Left'].every((side) => getComputedStyle(part)[`border${side}Style`] === 'none'))
      .map((part) => part.outerHTML.slice(0, 60)));
    assert.deepEqual(borderless, [], `without an edge on ${page.url()}`);
  });
});

// B11
test('in forced colours the Kakao button keeps its symbol', async () => {
  const { context, page } = await visit(browser, { forcedColors: 'active' });
  await page.goto(`${demo.service}/login`);
  const [symbol, behind] = await kakaoButton(page).evaluate((link) => [
    getComputedStyle(link.querySelector('svg')).fill,
    getComputedStyle(link).backgroundColor,
  ]);
  assert.notEqual(symbol, behind);
  await context.close();
});

// B2
test('nothing moves for people who asked for that', async () => {
  await everywhere({ reducedMotion: 'reduce' }, async (page) => {
    const moving = await page.evaluate(() => [...document.querySelectorAll('*')].filter((part) => {
      const { animationName, transitionDuration, scrollBehavior } = getComputedStyle(part);
      return animationName !== 'none' || transitionDuration !== '0s' || scrollBehavior !== 'auto';
    }).length);
    assert.equal(moving, 0, page.url());
  });
});
