// The life of an account: joining by email, a lost password, Kakao linked and unlinked, two
// accounts that meet, leaving and coming back; in both languages, with script off.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch, visit } from '../harness/browser.mjs';
import { startDemo } from '../harness/demo.mjs';
import { followMail, newestMail } from '../harness/mailbox.mjs';
import { agreeAs, control, joinByEmail, kakaoButton, logIn, logInByEmail, logOut } from '../harness/story.mjs';
import { word } from '../harness/words.mjs';

const PASSWORD = '파란 기차 일곱 대가 달린다';
const OTHER = 'seven blue trains are running';

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

const heading = (page) => page.locator('h1').innerText();

for (const [lang, width, script] of [['ko', 360, false], ['en', 1280, false], ['ko', 1280, true]]) {
  describe(`in ${lang}, ${width} px wide, script ${script ? 'on' : 'off'}`, () => {
    const demo = {};
    before(async () => Object.assign(demo, await startDemo()));
    after(() => demo.stop?.());

    const say = (key) => word(lang, key);
    const person = () => visit(browser, { lang, width, script });

    // PW-5, ID-3
    test('somebody joins by email, through the mail, and logs in again', async () => {
      const { context, page, calm } = await person();
      await joinByEmail(page, demo, { lang, name: '이하나', email: 'hana@example.com', password: PASSWORD });
      assert.equal(await heading(page), say('join.done.title'));
      await page.goto(`${demo.service}/me`);
      assert.ok(await page.getByText('hana@example.com').isVisible());
      await logOut(page, demo.service, lang);

      await logInByEmail(page, demo.service, 'hana@example.com', OTHER);
      assert.equal(await page.locator('#errsum h2').innerText(), say('login.err.title'));
      assert.equal(await page.locator('#email').inputValue(), 'hana@example.com', 'nothing is lost');
      await logInByEmail(page, demo.service, 'Hana@Example.com ', PASSWORD);
      await page.waitForURL(`${demo.service}/me`);
      calm();
      await context.close();
    });

    // PW-6
    test('a lost password is replaced through the mail, and works from then on', async () => {
      const { context, page, calm } = await person();
      await joinByEmail(page, demo, { lang, name: '박둘', email: 'dul@example.com', password: PASSWORD });
      await logOut(page, demo.service, lang);
      const before = (await newestMail(demo, 'dul@example.com')).number;

      await page.goto(`${demo.service}/login`);
      await control(page, 'link', say('login.forgot')).click();
      await page.locator('#email').fill('dul@example.com');
      await control(page, 'button', say('pw.forgot.submit')).click();
      assert.equal(await heading(page), say('pw.forgot.done.title'));
      await followMail(page, demo, 'dul@example.com', before);
      assert.equal(await heading(page), say('pw.new.title'));
      await page.locator('#password').fill(OTHER);
      await control(page, 'button', say('pw.new.submit')).click();
      await page.waitForURL((url) => url.pathname !== '/password/reset');

      const elsewhere = await person();
      await logInByEmail(elsewhere.page, demo.service, 'dul@example.com', PASSWORD);
      assert.ok(await elsewhere.page.locator('#errsum').isVisible(), 'the old one is gone');
      await logInByEmail(elsewhere.page, demo.service, 'dul@example.com', OTHER);
      await elsewhere.page.waitForURL(`${demo.service}/me`);
      await elsewhere.context.close();
      calm();
      await context.close();
    });

    // ID-4
    test('Kakao is linked to an account, and unlinked again', async () => {
      const { context, page, calm } = await person();
      await joinByEmail(page, demo, { lang, name: '최셋', email: 'set@example.com', password: PASSWORD });
      await page.goto(`${demo.service}/me`);
      await control(page, 'link', say('me.kakao.link')).click();
      await agreeAs(page, 'no-email');
      await page.waitForURL((url) => url.origin === demo.service);
      await page.goto(`${demo.service}/me`);
      assert.ok(await page.getByText(say('me.kakao.on')).first().isVisible());

      const elsewhere = await person();
      await logIn(elsewhere.page, demo.service, 'no-email');
      assert.ok(await elsewhere.page.getByText('set@example.com').isVisible(), 'the same member');
      await elsewhere.context.close();

      await page.goto(`${demo.service}/me`);
      await control(page, 'link', say('me.kakao.unlink')).click();
      assert.equal(await heading(page), say('me.unlink.title'));
      await control(page, 'button', say('me.unlink.go')).click();
      await page.waitForURL(`${demo.service}/me`);
      assert.ok(await page.getByText(say('me.kakao.unlinked')).isVisible());
      assert.ok(await control(page, 'link', say('me.kakao.link')).isVisible());
      calm();
      await context.close();
    });

    // ID-2
    test('a Kakao sign-in with the address of a member is never merged by itself', async () => {
      const owner = await person();
      await joinByEmail(owner.page, demo, { lang, name: '정넷', email: 'ordinary@example.com', password: PASSWORD });
      await owner.context.close();

      const { context, page, calm } = await person();
      await page.goto(`${demo.service}/login`);
      await kakaoButton(page).click();
      await agreeAs(page, 'ordinary');
      assert.equal(await heading(page), say('conf.title'));
      const answer = await context.request.get(`${demo.service}/me`, { maxRedirects: 0 });
      assert.equal(answer.status(), 303, 'nobody is signed in');
      await control(page, 'link', say('conf.login')).click();
      await page.locator('#email').fill('ordinary@example.com');
      await page.locator('#password').fill(PASSWORD);
      await control(page, 'button', say('login.submit')).click();
      assert.equal(await heading(page), say('conf.connect.title'));
      await control(page, 'button', say('me.kakao.link')).click();
      await page.waitForURL(`${demo.service}/me`);
      assert.ok(await page.getByText(say('me.kakao.on')).first().isVisible());
      calm();
      await context.close();
    });

    // ID-5, LG-6
    test('somebody leaves, and comes back as a new member', async () => {
      const { context, page, calm } = await person();
      await logIn(page, demo.service, 'long-id');
      await page.goto(`${demo.service}/me/withdraw`);
      await control(page, 'button', say('out.submit')).click();
      assert.ok(await page.getByText(say('out.err.check')).first().isVisible(), 'nothing happens by accident');
      await page.locator('#check').check();
      await control(page, 'button', say('out.submit')).click();
      await page.waitForURL(`${demo.service}/goodbye**`);
      assert.equal(await heading(page), say('out.done.title'));
      await page.goto(`${demo.service}/me`);
      assert.match(page.url(), /\/login\?/, 'logged out');

      await kakaoButton(page).click();
      await agreeAs(page, 'long-id');
      await page.waitForURL(`${demo.service}/me`);
      calm();
      await context.close();
    });
  });
}
