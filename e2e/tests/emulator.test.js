// The emulator's own pages: in order like ours, and never to be taken for Kakao's.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, visit } from '../harness/browser.mjs';
import { accessible, CONTRAST, fits } from '../harness/checks.mjs';
import { startDemo } from '../harness/demo.mjs';
import { kakaoButton } from '../harness/story.mjs';

const BANNER = { ko: /카카오.*아닙니다|에뮬레이터/, en: /not Kakao|emulator/i };

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

// B22, B1
async function honest(page, lang) {
  await page.waitForLoadState();
  const seen = await page.evaluate(() => {
    const yellow = 'rgb(254, 229, 0)';
    const wears = (part) => {
      const { backgroundColor, color, fill, borderTopColor } = getComputedStyle(part);
      return [backgroundColor, color, fill, borderTopColor].includes(yellow);
    };
    return {
      lang: document.documentElement.lang,
      banner: document.querySelector('header').innerText,
      yellow: [...document.querySelectorAll('*')].filter(wears).length,
      headings: document.querySelectorAll('h1').length,
    };
  });
  assert.equal(seen.lang, lang);
  assert.match(seen.banner, BANNER[lang], page.url());
  assert.equal(seen.yellow, 0, `Kakao's yellow on ${page.url()}`);
  assert.equal(seen.headings, 1);
  await fits(page);
  // The banner is striped, and tables scroll beneath the edge of their frame.
  await accessible(page, CONTRAST);
}

for (const lang of ['ko', 'en']) {
  for (const theme of ['light', 'dark']) {
    for (const width of [360, 1280]) {
      test(`its pages are honest and in order in ${lang}, ${theme}, ${width} px wide`, async () => {
        await demo.reset();
        const { context, page, calm } = await visit(browser, { lang, theme, width });
        await page.goto(demo.emulator);
        await honest(page, lang);
        await page.goto(`${demo.service}/login`);
        await kakaoButton(page).click();
        await honest(page, lang);
        await page.locator('details summary').click();
        await honest(page, lang);
        const authorize = page.url();
        await page.locator('button[name=person][value=ordinary]').click();
        await honest(page, lang);
        // A required item is left out: the page says so.
        for (const item of await page.locator('input[name=item]').all()) await item.uncheck();
        await page.locator('button[name=answer][value=agree]').click();
        await page.locator('[role=alert]').waitFor();
        await honest(page, lang);
        for (const item of await page.locator('input[name=item]').all()) await item.check();
        await page.locator('button[name=answer][value=agree]').click();
        await page.waitForURL(`${demo.service}/me`);
        // With something to list, and with somebody to log out.
        await demo.fail('token', 'KOE320', 0);
        await page.goto(demo.emulator);
        await honest(page, lang);
        await demo.heal();
        await page.goto(authorize.replace('response_type=code', 'response_type=code&prompt=create'));
        await honest(page, lang);
        await page.goto(authorize.replace('redirect_uri=', 'redirect_uri=x'));
        assert.match(await page.locator('main').innerText(), /KOE006/);
        await honest(page, lang);
        await page.goto(`${demo.service}/logout`);
        await page.locator('button[name=reach][value=kakao]').click();
        await page.waitForURL(`${demo.emulator}/oauth/logout?**`);
        await honest(page, lang);
        calm();
        await context.close();
      });
    }
  }
}
