// The service without a mouse.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, visit } from '../harness/browser.mjs';
import { startDemo } from '../harness/demo.mjs';
import { followMail } from '../harness/mailbox.mjs';
import { logIn } from '../harness/story.mjs';
import { word } from '../harness/words.mjs';

const say = (...keys) => keys.map((key) => word('ko', key));
const FOOT = say('foot.terms', 'foot.privacy', 'foot.help', 'lang.switch', 'theme.dark');
const BRAND = say('app.name');
const VISITOR = [...say('skip'), ...BRAND, ...say('nav.login')];
const MEMBER = [...say('skip'), ...BRAND, ...say('nav.me', 'nav.sessions', 'nav.logout')];

/** The stops of the Tab key on each page, in the order in which the page is read. */
const STOPS = [
  // A field has no words of its own; its label has.
  ['/login', [...VISITOR, '카카오 로그인', '', '', ...say('act.show'), '', ...say('login.submit', 'login.forgot', 'login.join'), ...FOOT]],
  ['/logged-out', [...VISITOR, ...say('lo.again'), ...FOOT]],
  ['/auth/error?e=code_used', [...VISITOR, '카카오 로그인', ...say('act.login.other'), ...FOOT]],
  ['/nowhere', [...VISITOR, ...say('act.home', 'act.help'), ...FOOT]],
];
const MEMBER_STOPS = [
  ['/me', [
    ...MEMBER,
    ...say('me.edit', 'me.kakao.resync', 'kc.title', 'me.kakao.unlink', 'me.pw.set', 'me.mkt.turn.on', 'me.data', 'me.out'),
    ...FOOT,
  ]],
  ['/logout', [...MEMBER, ...say('lo.svc', 'lo.kakao', 'lo.all', 'lo.stay'), ...FOOT]],
];

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

/** Presses Tab through the page and returns what had the focus, each as a person perceives it. */
async function stops(page) {
  const found = [];
  for (;;) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(() => {
      const part = document.activeElement;
      if (!part || part === document.body) return null;
      const { left, right, top, bottom, width, height } = part.getBoundingClientRect();
      const { outlineStyle, outlineWidth, clipPath } = getComputedStyle(part);
      return {
        name: part.textContent.trim(),
        outlined: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2,
        seen: left >= 0 && top >= 0 && right <= innerWidth + 0.5 && bottom <= innerHeight + 0.5 && clipPath === 'none',
        large: width >= 24 && height >= 24,
      };
    });
    if (!stop || found.length > 40) return found;
    found.push(stop);
  }
}

// B9
for (const width of [360, 1280]) {
  test(`the Tab key follows the reading order, visibly, at ${width} px`, async () => {
    // What gets the focus is scrolled to at once, not slowly.
    const { context, page, calm } = await visit(browser, { width, reducedMotion: 'reduce' });
    const follow = async (pages) => {
      for (const [path, names] of pages) {
        await page.goto(demo.service + path);
        const found = await stops(page);
        assert.deepEqual(found.map((stop) => stop.name), names, path);
        for (const stop of found) {
          assert.ok(stop.outlined && stop.seen && stop.large, `${path}: ${JSON.stringify(stop)}`);
        }
      }
    };
    await follow(STOPS);
    await logIn(page, demo.service, 'ordinary');
    await follow(MEMBER_STOPS);
    calm();
    await context.close();
  });
}

// B10
test('the skip link leads to the main part', async () => {
  for (const script of [true, false]) {
    const { context, page } = await visit(browser, { script });
    await page.goto(`${demo.service}/login`);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.className), 'kakao');
    await context.close();
  }
});

// B9
test('somebody logs in, ends a device and logs out with the keyboard alone', async () => {
  const other = await visit(browser);
  await logIn(other.page, demo.service, 'linked');
  const { context, page, calm } = await visit(browser);
  const press = async (name) => {
    for (let count = 0; count < 40; count += 1) {
      await page.keyboard.press('Tab');
      const here = await page.evaluate(() => {
        const part = document.activeElement;
        return [part.getAttribute('aria-label'), part.value, part.textContent.trim()];
      });
      if (here.includes(name)) {
        await page.keyboard.press('Enter');
        return;
      }
    }
    assert.fail(`the Tab key does not reach ${name} on ${page.url()}`);
  };
  await page.goto(`${demo.service}/login`);
  await press('카카오 로그인');
  await page.waitForURL(`${demo.emulator}/**`);
  await press('linked');
  await page.waitForURL(`${demo.service}/me`);
  await press(word('ko', 'nav.sessions'));
  await page.waitForURL(`${demo.service}/me/sessions`);
  await press(await page.locator('li.card button').first().getAttribute('aria-label'));
  await page.locator('[role=status]').waitFor();
  await press(word('ko', 'nav.logout'));
  await page.waitForURL(`${demo.service}/logout`);
  await press(word('ko', 'lo.svc'));
  await page.waitForURL(`${demo.service}/logged-out`);
  calm();
  await context.close();
  await other.context.close();
});

test('somebody joins by email and logs in with the keyboard alone', async () => {
  const { context, page, calm } = await visit(browser);
  const email = 'keys@example.com';
  const secret = '느린 거북이가 바다를 건넌다';
  /** Presses Tab until the focus is on `target`. */
  const reach = async (target) => {
    for (let count = 0; count < 40; count += 1) {
      await page.keyboard.press('Tab');
      if (await page.locator(target).evaluate((part) => part === document.activeElement)) return;
    }
    assert.fail(`the Tab key does not reach ${target} on ${page.url()}`);
  };
  const type = async (target, text) => {
    await reach(target);
    await page.keyboard.insertText(text);
  };
  await page.goto(`${demo.service}/join`);
  await type('#name', '김하늘');
  await type('#email', email);
  await type('#password', secret);
  for (const box of await page.locator('fieldset input[required]').all()) {
    await reach(`#${await box.getAttribute('id')}`);
    await page.keyboard.press('Space');
  }
  await page.keyboard.press('Enter');
  await page.waitForURL(`${demo.service}/join/sent`);
  await followMail(page, demo, email);
  await reach('main form button');
  await page.keyboard.press('Enter');
  await page.waitForURL(`${demo.service}/join/done`);
  await context.clearCookies();

  await page.goto(`${demo.service}/login`);
  await type('#email', email);
  await type('#password', secret);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${demo.service}/me`);
  calm();
  await context.close();
});
