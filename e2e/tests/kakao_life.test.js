// The life of a connection to Kakao, in both directions: consents that are withdrawn and given, a
// person who disconnects at Kakao, one who logs in at Kakao without a click, and a Kakao in trouble.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch, visit } from '../harness/browser.mjs';
import { startDemo } from '../harness/demo.mjs';
import { agreeAs, control, kakaoButton, logIn } from '../harness/story.mjs';
import { word } from '../harness/words.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

const heading = (page) => page.locator('h1').innerText();

for (const [lang, width, theme, script] of [['ko', 360, 'light', false], ['en', 1280, 'dark', true]]) {
  describe(`in ${lang}, ${width} px wide, ${theme}, script ${script ? 'on' : 'off'}`, () => {
    const demo = {};
    before(async () => Object.assign(demo, await startDemo({ KAKAO_SERVICE_TERMS: 'on' })));
    after(() => demo.stop?.());

    const say = (key) => word(lang, key);
    const person = () => visit(browser, { lang, width, theme, script });
    const item = (page, name) => page.locator('li.card').filter({ hasText: name });

    // TK-5
    test('a consent is withdrawn on our page and given again on Kakao\'s', async () => {
      const { context, page, calm } = await person();
      await logIn(page, demo.service, 'ordinary');
      await control(page, 'link', say('kc.title')).click();
      assert.equal(await heading(page), say('kc.title'));
      assert.ok(await page.getByText(say('kc.required'), { exact: false }).first().isVisible());

      const picture = item(page, '프로필 사진');
      await picture.getByRole('button').click();
      await page.waitForURL(`${demo.service}/me/kakao/consents`);
      assert.ok(await page.getByText(say('kc.withdrawn')).isVisible());
      assert.ok(await picture.getByText(say('kc.not_agreed'), { exact: true }).isVisible());

      await picture.getByRole('link').click();
      await page.locator('button[name=answer]').first().waitFor();
      assert.notEqual(new URL(page.url()).origin, demo.service);
      await agreeAs(page, 'ordinary');
      await page.waitForURL(`${demo.service}/me/kakao/consents`);
      assert.ok(await picture.getByText(say('kc.agreed'), { exact: true }).isVisible());

      await picture.getByRole('button').click();
      await picture.getByRole('link').click();
      await page.locator('button[name=answer][value=cancel]').click();
      await page.waitForURL(`${demo.service}/me/kakao/consents`);
      assert.ok(await page.getByText(say('kc.cancelled')).isVisible(), 'and the session goes on');
      calm();
      await context.close();
    });

    // WH-3
    test('somebody who disconnects at Kakao is logged out, and the owner sees why', async () => {
      const { context, page, calm } = await person();
      await logIn(page, demo.service, 'no-email');
      const operator = await person();
      await operator.page.goto(`${demo.emulator}/people/no-email`);
      await operator.page.locator('form[action="/emulator/unlink"] button').first().click();
      await operator.page.waitForLoadState();
      await assert.doesNotReject(async () => {
        for (let tries = 0; ; tries += 1) {
          await page.goto(`${demo.service}/me`);
          if (new URL(page.url()).pathname === '/login') return;
          assert.ok(tries < 50, 'the session goes on');
          await page.waitForTimeout(100);
        }
      });
      assert.equal(new URL(page.url()).searchParams.get('reason'), 'kakao');
      assert.ok(await page.locator('.note').first().isVisible());
      await kakaoButton(page).click();
      await agreeAs(page, 'no-email');
      await page.waitForURL(`${demo.service}/me`);

      await operator.page.goto(`${demo.service}/login?next=/admin/audit`);
      await kakaoButton(operator.page).click();
      await agreeAs(operator.page, 'linked');
      await operator.page.waitForURL(`${demo.service}/admin/audit`);
      assert.ok(await operator.page.locator('main table').getByText(say('ac.kakao.webhook')).first().isVisible());
      await operator.page.goto(`${demo.service}/admin/outbox?state=done`);
      assert.equal(await heading(operator.page), say('ob.title'));
      calm();
      operator.calm();
      await operator.context.close();
      await context.close();
    });

    // RL-2
    test('while Kakao fails the login page says so, and the button stays', async () => {
      // One of its own, whose Kakao has not served well before.
      const demo = await startDemo();
      const { context, page, calm } = await person();
      await demo.fail('token', 'status:500', 0);
      for (let tries = 0; tries < 4; tries += 1) {
        await page.goto(`${demo.service}/auth/kakao`);
        if (new URL(page.url()).origin !== demo.service) await agreeAs(page, 'ordinary');
        await page.waitForURL((url) => url.pathname === '/auth/error');
      }
      await page.goto(`${demo.service}/login`);
      assert.ok(await page.locator('.note').first().isVisible());
      assert.ok(await kakaoButton(page).isVisible());
      calm();
      await context.close();
      await demo.stop();
    });

    // KOE codes
    test('what Kakao says on a page of its own is explained on ours', async () => {
      const { context, page, calm } = await person();
      await page.goto(`${demo.service}/help`);
      await control(page, 'link', say('help.kakao.link')).click();
      for (const code of ['KOE006', 'KOE101', 'KOE205']) {
        assert.ok(await page.getByText(code).first().isVisible(), code);
      }
      calm();
      await context.close();
    });
  });
}
