// Every page, in both languages, light and dark, on a telephone and on a desk.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { mkdir } from 'node:fs/promises';
import { launch, visit } from '../harness/browser.mjs';
import { accessible, fits, pressable, steady, translated, wellFormed } from '../harness/checks.mjs';
import { startDemo } from '../harness/demo.mjs';
import { open, personal } from '../harness/pages.mjs';
import { logIn } from '../harness/story.mjs';

/** A folder for pictures of every page, to look at. */
const SHOTS = process.env.SHOTS;

let demo;
let browser;
before(async () => {
  demo = await startDemo();
  browser = await launch();
  // Somebody else's device, so that there is one to end.
  const other = await visit(browser);
  await logIn(other.page, demo.service, 'linked');
  await other.context.close();
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

for (const lang of ['ko', 'en']) {
  for (const theme of ['light', 'dark']) {
    for (const width of [360, 1280]) {
      describe(`in ${lang}, ${theme}, ${width} px wide`, () => {
        let visitor;
        before(async () => { visitor = await visit(browser, { lang, theme, width }); });
        after(() => visitor.context.close());

        // B1, B3, B4, B5, B6, B14, B15
        test(`${open.length} pages for anyone are in order`, async () => {
          await allInOrder(visitor, open, lang, `${lang}-${theme}-${width}`);
        });
        // B1, B3, B4, B5, B6, B14, B15
        test(`${personal.length} pages for members are in order`, async () => {
          await logIn(visitor.page, demo.service, 'linked');
          await allInOrder(visitor, personal, lang, `${lang}-${theme}-${width}-member`);
        });
      });
    }
  }
}

async function allInOrder({ page, calm }, pages, lang, where) {
  const titles = new Map();
  for (const [address, status] of pages) {
    const response = await page.goto(demo.service + address);
    assert.equal(response.status(), status, address);
    const title = await wellFormed(page, lang);
    titles.set(title, [...(titles.get(title) ?? []), address]);
    await translated(page, lang, { codes: address === '/help/kakao' });
    await fits(page);
    await pressable(page);
    await steady(page);
    await accessible(page);
    calm();
    if (SHOTS) await shoot(page, `${where}-${address.replace(/\W+/g, '_')}`);
  }
  // One title says one thing: pages that share theirs are the same page in another state.
  for (const [title, addresses] of titles) {
    const paths = new Set(addresses.map((address) => address.split('?')[0]));
    assert.equal(paths.size, 1, `${title}: ${addresses}`);
  }
}

async function shoot(page, name) {
  await mkdir(SHOTS, { recursive: true });
  await page.screenshot({ path: `${SHOTS}/${name}.png`, fullPage: true });
}
