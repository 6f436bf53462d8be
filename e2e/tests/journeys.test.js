// What a person comes for, from the first page to the last, with and without script.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch, visit } from '../harness/browser.mjs';
import { startDemo } from '../harness/demo.mjs';
import { agreeAs, control, kakaoButton, logIn, logOut } from '../harness/story.mjs';
import { word } from '../harness/words.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

/** A demo for the tests of one group, so that they meet nobody else's devices or limits. */
function ownDemo() {
  const own = {};
  before(async () => Object.assign(own, await startDemo()));
  after(() => own.stop?.());
  return own;
}

const heading = (page) => page.locator('h1').innerText();

for (const script of [true, false]) {
  for (const [lang, width] of [['ko', 360], ['en', 1280]]) {
    describe(`in ${lang}, ${width} px wide, script ${script ? 'on' : 'off'}`, () => {
      const demo = ownDemo();
      const settings = { lang, width, script };
      const say = (key) => word(lang, key);

      // B3, B4, B8, B18, B22
      test('somebody signs in with Kakao, sees their page and logs out', async () => {
        await demo.reset();
        const { context, page, calm } = await visit(browser, settings);
        await page.goto(demo.service);
        await page.locator('main').getByRole('link', { name: say('home.cta') }).click();
        await kakaoButton(page).click();
        assert.ok(page.url().startsWith(`${demo.emulator}/oauth/authorize?`), page.url());
        await agreeAs(page, 'ordinary');
        await page.waitForURL(`${demo.service}/me`);
        assert.equal(await heading(page), say('me.title'));
        assert.equal(await page.locator('[aria-labelledby=profile] .row bdi').innerText(), '김하늘');
        assert.ok(await page.getByText('ordinary@example.com').isVisible());
        const drawn = await page.locator('.avatar img').evaluate((picture) => picture.decode().then(() => picture.naturalWidth));
        assert.ok(drawn > 0, 'the picture is shown');

        await page.goto(demo.service);
        assert.match(await heading(page), /김하늘/);
        await control(page.locator('nav'), 'link', say('nav.logout')).click();
        await control(page, 'button', say('lo.svc')).click();
        await page.waitForURL(`${demo.service}/logged-out`);
        assert.equal(await heading(page), say('lo.done'));
        await page.goto(`${demo.service}/me`);
        assert.equal(page.url(), `${demo.service}/login?next=%2Fme`, 'logged out');
        calm();
        await context.close();
      });

      // B8
      test('the login leads back to the page that was asked for', async () => {
        const { context, page, calm } = await visit(browser, settings);
        await page.goto(`${demo.service}/me/sessions`);
        assert.equal(await page.locator('main .note').innerText(), say('login.next'));
        await kakaoButton(page).click();
        await agreeAs(page, 'linked');
        await page.waitForURL(`${demo.service}/me/sessions`);
        calm();
        await context.close();
      });

      // SE-8, B8
      test('a device is logged out from another one, then all others are', async () => {
        const here = await visit(browser, settings);
        await logIn(here.page, demo.service, 'long-id');
        const others = [];
        for (let count = 0; count < 3; count += 1) {
          const other = await visit(browser, settings);
          await logIn(other.page, demo.service, 'long-id');
          others.push(other);
        }
        const { page } = here;
        const cards = page.locator('li.card');
        await page.goto(`${demo.service}/me/sessions`);
        assert.equal(await cards.count(), 4);
        assert.equal(await cards.first().locator('.tag').innerText(), say('ses.this'));
        assert.equal(await cards.first().locator('button').count(), 0, 'this device is not ended here');

        for (const button of await cards.locator('button').all()) {
          // The name tells one from another of the same kind.
          const label = await button.getAttribute('aria-label');
          const time = await button.locator('xpath=ancestor::li').locator('time').first().innerText();
          assert.ok(label.endsWith(`(${time})`), label);
        }
        await cards.nth(1).locator('button').click();
        await page.locator('[role=status]').waitFor();
        assert.equal(await cards.count(), 3);
        // The newest of the others comes first.
        const [ended] = others.splice(2, 1);
        await ended.page.reload();
        assert.equal(ended.page.url(), `${demo.service}/login?next=%2Fme&reason=revoked`);
        assert.equal(await ended.page.locator('main .note').innerText(), say('login.note.revoked'));

        await control(page, 'button', say('ses.endall')).click();
        assert.equal(await page.locator('[role=status]').innerText(), say('ses.endedall').replace('{count}', '2'));
        assert.equal(await cards.count(), 1);
        assert.equal(await page.locator('.empty').innerText(), say('ses.empty'));
        for (const other of others) {
          await other.page.reload();
          assert.match(other.page.url(), /reason=revoked$/);
        }
        await page.goto(`${demo.service}/me`);
        assert.equal(await heading(page), say('me.title'), 'this device stays');
        for (const visitor of [here, ended, ...others]) {
          visitor.calm();
          await visitor.context.close();
        }
      });

      test('logging out together with the Kakao Account leads through Kakao and back', async () => {
        const { context, page, calm } = await visit(browser, settings);
        await logIn(page, demo.service, 'linked');
        await page.goto(`${demo.service}/logout`);
        await control(page, 'button', say('lo.kakao')).click();
        await page.waitForURL(`${demo.emulator}/oauth/logout?**`);
        const state = new URL(page.url()).searchParams.get('state');
        // At Kakao's page the person is out already, whatever happens there.
        const answer = await context.request.get(`${demo.service}/me`, { maxRedirects: 0 });
        assert.equal(answer.status(), 303);
        assert.match(answer.headers().location, /^\/login\?/);
        await page.locator('button[name=logout_with_kakao][value=true]').click();
        await page.waitForURL(`${demo.service}/logged-out?done=kakao`);
        assert.ok(await page.getByText(say('lo.done.kakao')).isVisible());
        assert.ok(state.length > 20, 'the way back carries a state');
        // Kakao does not know the browser any more: it asks who is there.
        await page.goto(`${demo.service}/login`);
        await kakaoButton(page).click();
        assert.ok(await page.locator('button[name=person]').first().isVisible());
        calm();
        await context.close();
      });

      test('logging out on all devices ends the others too', async () => {
        const here = await visit(browser, settings);
        const other = await visit(browser, settings);
        await logIn(here.page, demo.service, 'no-email');
        await logIn(other.page, demo.service, 'no-email');
        await here.page.goto(`${demo.service}/logout`);
        await control(here.page, 'button', say('lo.all')).click();
        await here.page.waitForURL(`${demo.service}/logged-out?done=all`);
        await other.page.reload();
        assert.match(other.page.url(), /\/login\?/);
        for (const visitor of [here, other]) {
          visitor.calm();
          await visitor.context.close();
        }
      });

      // CB-2
      test('somebody who does not agree ends on a calm page with ways forward', async () => {
        await demo.reset();
        const { context, page, calm } = await visit(browser, settings);
        await page.goto(`${demo.service}/login`);
        await kakaoButton(page).click();
        await page.locator('button[name=person][value=stale-email]').click();
        await page.locator('button[name=answer][value=cancel]').click();
        await page.waitForURL(`${demo.service}/auth/kakao/cancelled`);
        assert.equal(await heading(page), say('err.cancelled.title'));
        await control(page, 'link', say('act.login.other')).click();
        assert.equal(page.url(), `${demo.service}/login`);
        await page.goBack();
        await kakaoButton(page).click();
        // Still signed in at Kakao, so only the consent is asked for again.
        await page.locator('button[name=answer][value=agree]').waitFor();
        calm();
        await context.close();
      });

      // B8
      test('language and theme are changed at the foot of any page, and stay', async () => {
        const { context, page, calm } = await visit(browser, settings);
        const root = page.locator('html');
        const otherLang = lang === 'ko' ? 'en' : 'ko';
        await page.goto(`${demo.service}/login?next=/me`);
        await control(page, 'button', say('lang.switch')).click();
        assert.equal(await root.getAttribute('lang'), otherLang);
        assert.equal(page.url(), `${demo.service}/login?next=/me`, 'the same page');
        assert.equal(await page.locator('main .note').innerText(), word(otherLang, 'login.next'));

        assert.equal(await root.getAttribute('data-theme'), null);
        const background = () => page.locator('body').evaluate((body) => getComputedStyle(body).backgroundColor);
        for (const [key, theme, colour] of [
          ['theme.dark', 'dark', 'rgb(18, 21, 26)'],
          ['theme.light', 'light', 'rgb(255, 255, 255)'],
          ['theme.auto', null, 'rgb(255, 255, 255)'],
        ]) {
          await control(page, 'button', word(otherLang, key)).click();
          assert.equal(await root.getAttribute('data-theme'), theme);
          assert.equal(await background(), colour);
        }

        // Also on the pages after logging in and out.
        await logIn(page, demo.service, 'linked');
        assert.equal(await heading(page), word(otherLang, 'me.title'));
        await logOut(page, demo.service, otherLang);
        assert.equal(await heading(page), word(otherLang, 'lo.done'));
        // Error pages keep to the choice too.
        await page.goto(`${demo.service}/nowhere`);
        assert.equal(await heading(page), word(otherLang, 'err.not_found.title'));
        calm();
        await context.close();
      });
    });
  }
}

describe('whoever it is', () => {
  const demo = ownDemo();

  // B8, ID-7
  test('people with little to tell have a page without gaps', async () => {
    await demo.reset();
    const { context, page, calm } = await visit(browser);
    await logIn(page, demo.service, 'minimal');
    assert.equal(await page.locator('[aria-labelledby=profile] .row bdi').innerText(), word('ko', 'me.nickname.none'));
    const told = await page.locator('[aria-labelledby=profile] dl dd').allInnerTexts();
    assert.deepEqual(told.slice(0, 2), [word('ko', 'me.none'), word('ko', 'me.none')]);
    calm();
    await context.close();
  });

  test('nothing hidden behind script is visible without it', async () => {
    const { context, page } = await visit(browser, { script: false });
    await logIn(page, demo.service, 'linked');
    for (const path of ['/me', '/me/sessions', '/logout']) {
      await page.goto(demo.service + path);
      for (const button of await page.locator('button').all()) {
        const acts = await button.evaluate((part) => part.form?.method === 'post' && part.type === 'submit');
        assert.ok(acts || !await button.isVisible(), `${path}: ${await button.innerText()} does nothing without script`);
      }
    }
    await context.close();
  });
});
