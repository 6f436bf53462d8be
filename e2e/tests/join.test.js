// Becoming a member: by email, through the mail, and with Kakao where there are terms first.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { launch, visit } from '../harness/browser.mjs';
import { accessible, fits, pressable, steady, translated, wellFormed } from '../harness/checks.mjs';
import { startDemo } from '../harness/demo.mjs';
import { followMail } from '../harness/mailbox.mjs';
import { agreeAs, askToJoin, control, kakaoButton, logOut } from '../harness/story.mjs';
import { word } from '../harness/words.mjs';

const TERMS = fileURLToPath(new URL('../../examples/terms', import.meta.url));
const SHOTS = process.env.SHOTS;
const PASSWORD = '느린 거북이가 바다를 건넌다';

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

const heading = (page) => page.locator('h1').innerText();

/** A page of a journey, as any page must be; without script there is nothing to look with. */
async function inOrder({ page, calm }, { lang, script }, name) {
  if (script) {
    await wellFormed(page, lang);
    await translated(page, lang);
    await fits(page);
    await pressable(page);
    await steady(page);
    await accessible(page);
  }
  calm();
  if (!SHOTS) return;
  await mkdir(SHOTS, { recursive: true });
  await page.screenshot({ path: `${SHOTS}/${name}.png`, fullPage: true });
}

for (const [lang, width, theme, script] of [
  ['ko', 360, 'light', true],
  ['en', 1280, 'light', false],
  ['ko', 1280, 'dark', true],
  ['en', 360, 'dark', true],
]) {
  describe(`in ${lang}, ${theme}, ${width} px wide, script ${script ? 'on' : 'off'}`, () => {
    let demo;
    before(async () => { demo = await startDemo(); });
    after(() => demo?.stop());
    const settings = { lang, width, theme, script };
    const say = (key) => word(lang, key);
    const shot = (name) => `${name}-${lang}-${theme}-${width}`;

    // PW-9, B3, B8
    test('somebody joins by email, through the mail, and logs in again', async () => {
      const email = 'hana@example.com';
      const visitor = await visit(browser, settings);
      const { page } = visitor;
      await page.goto(`${demo.service}/login`);
      await control(page, 'link', say('login.join')).click();
      assert.equal(await heading(page), say('join.title'));
      assert.equal(await page.locator('fieldset input:checked').count(), 0, 'nothing is ticked in advance');
      await inOrder(visitor, settings, shot('join'));

      // Everything that is missing, at once.
      const submit = page.locator('main form button:not([type=button])');
      await submit.click();
      assert.ok((await page.title()).startsWith(say('form.title.prefix')));
      assert.equal(await page.locator('#errsum a').count(), 6);
      if (script) assert.equal(await page.evaluate(() => document.activeElement.id), 'errsum');
      await inOrder(visitor, settings, shot('join-wrong'));

      await page.locator('#name').fill('김하늘');
      await page.locator('#email').fill(email);
      await page.locator('#password').fill(PASSWORD);
      const all = page.locator('[data-all] input');
      assert.equal(await all.isVisible(), script, 'a box that needs script is not there without');
      if (script) {
        await all.check();
        assert.equal(await page.locator('fieldset input[name]:checked').count(), 4);
        await page.locator('#agree-marketing').uncheck();
        assert.equal(await all.isChecked(), false);
      } else {
        for (const box of await page.locator('fieldset input[required]').all()) await box.check();
      }
      await page.locator('fieldset details').first().locator('summary').click();
      assert.ok(await page.locator('fieldset .text').first().isVisible());
      await submit.click();
      await page.waitForURL(`${demo.service}/join/sent`);
      assert.ok(await page.getByText(email).isVisible());
      await inOrder(visitor, settings, shot('join-sent'));
      await control(page, 'button', say('join.sent.resend')).click();
      assert.ok(await page.locator('[role=alert]').isVisible(), 'once a minute');
      await inOrder(visitor, settings, shot('join-wait'));

      await followMail(page, demo, email);
      assert.equal(await heading(page), say('join.verify.title'));
      assert.equal(await page.locator('#password').count(), 0);
      await inOrder(visitor, settings, shot('join-verify'));
      await control(page, 'button', say('join.verify.submit')).click();
      await page.waitForURL(`${demo.service}/join/done`);
      await inOrder(visitor, settings, shot('join-done'));
      await page.locator('main a.btn').click();
      assert.equal(await page.locator('[aria-labelledby=profile] .row bdi').innerText(), '김하늘');

      await logOut(page, demo.service, lang);
      await page.goto(`${demo.service}/login`);
      await page.locator('#email').fill(email);
      await page.locator('#password').fill(PASSWORD);
      await control(page, 'button', say('login.submit')).click();
      await page.waitForURL(`${demo.service}/me`);
      visitor.calm();
      await visitor.context.close();
    });

    // ID-3
    test('on another device the link asks for the password, and works once', async () => {
      const email = 'nuri@example.com';
      const desk = await visit(browser, settings);
      await askToJoin(desk.page, demo.service, { name: '한누리', email, password: PASSWORD });
      const phone = await visit(browser, settings);
      await followMail(phone.page, demo, email);
      const link = phone.page.url();
      await phone.page.locator('#password').fill('다른 비밀번호를 적는다');
      await control(phone.page, 'button', say('join.verify.submit')).click();
      assert.ok(await phone.page.locator('#password-err').isVisible());
      await inOrder(phone, settings, shot('join-verify-other'));
      await phone.page.locator('#password').fill(PASSWORD);
      await control(phone.page, 'button', say('join.verify.submit')).click();
      await phone.page.waitForURL(`${demo.service}/join/done`);
      await desk.page.goto(link);
      assert.equal(await heading(desk.page), say('join.link.used.title'));
      await inOrder(desk, settings, shot('join-used'));
      for (const one of [desk, phone]) await one.context.close();
    });
  });

  describe(`with terms, in ${lang}, ${theme}, ${width} px wide, script ${script ? 'on' : 'off'}`, () => {
    let demo;
    before(async () => { demo = await startDemo({ TERMS_DIR: TERMS }); });
    after(() => demo?.stop());
    const settings = { lang, width, theme, script };
    const say = (key) => word(lang, key);
    const shot = (name) => `${name}-${lang}-${theme}-${width}`;

    // LG-7, TK-7
    test('who comes with Kakao for the first time decides, and who declines is forgotten', async () => {
      const visitor = await visit(browser, settings);
      const { page } = visitor;
      const decide = `${demo.service}/auth/kakao/join`;
      const begin = async () => {
        await page.goto(`${demo.service}/login?next=/me/sessions`);
        await kakaoButton(page).click();
      };
      await begin();
      await agreeAs(page, 'ordinary');
      await page.waitForURL(decide);
      assert.equal(await heading(page), say('kjoin.title'));
      assert.ok(await page.getByText('ordinary@example.com').isVisible());
      await inOrder(visitor, settings, shot('kakao-join'));
      await control(page, 'button', say('kjoin.quit')).click();
      await page.waitForURL(`${demo.service}/`);
      await page.goto(decide);
      assert.equal(await heading(page), say('err.state_expired.title'));

      // Kakao knows the browser, and asks for consent again: the connection is dissolved.
      await begin();
      for (const item of await page.locator('input[name=item]').all()) await item.check();
      await page.locator('button[name=answer][value=agree]').click();
      await page.waitForURL(decide);
      await control(page, 'button', say('kjoin.submit')).click();
      assert.equal(await page.locator('#errsum a').count(), 3);
      await inOrder(visitor, settings, shot('kakao-join-wrong'));
      for (const box of await page.locator('fieldset input[required]').all()) await box.check();
      for (const text of await page.locator('fieldset summary').all()) await text.click();
      await inOrder(visitor, settings, shot('kakao-join-texts'));
      await control(page, 'button', say('kjoin.submit')).click();
      await page.waitForURL(`${demo.service}/me/sessions`);
      visitor.calm();
      await visitor.context.close();
    });

    // LG-7
    test('the terms of the operator are read, and agreed to by those who join by email', async () => {
      const visitor = await visit(browser, settings);
      for (const path of ['/terms', '/privacy']) {
        await visitor.page.goto(demo.service + path);
        await inOrder(visitor, settings, shot(path.slice(1)));
      }
      const email = 'bada@example.com';
      await askToJoin(visitor.page, demo.service, { name: '정바다', email, password: PASSWORD });
      await followMail(visitor.page, demo, email);
      await control(visitor.page, 'button', say('join.verify.submit')).click();
      await visitor.page.waitForURL(`${demo.service}/join/done`);
      visitor.calm();
      await visitor.context.close();
    });
  });
}
