// What goes wrong on the way through Kakao, made to go wrong, and what the person is then told.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch, visit } from '../harness/browser.mjs';
import { accessible, fits, translated, wellFormed } from '../harness/checks.mjs';
import { startDemo } from '../harness/demo.mjs';
import { agreeAs, control, kakaoButton, logIn } from '../harness/story.mjs';
import { word } from '../harness/words.mjs';

/**
 * `[what happens at Kakao, endpoint, fault, how often, id of the page, status, ways forward,
 * seconds of Retry-After]`. Reads are tried twice, so their faults happen twice.
 */
const FAULTS = [
  ['the code was used before', 'token', 'KOE320', 1, 'code_used', 400, ['kakao', 'act.login.other']],
  ['the redirect URI is not the one of the start', 'token', 'KOE303', 1, 'redirect_mismatch', 502, ['act.login.other', 'act.home']],
  ['our key is unknown', 'token', 'KOE101', 1, 'bad_client', 502, ['act.login.other', 'act.home']],
  ['our secret is wrong', 'token', 'KOE010', 1, 'bad_client', 502, ['act.login.other', 'act.home']],
  ['too many tokens were asked for', 'token', 'rate-limit', 1, 'kakao_limit', 503, ['act.retry', 'act.login.other'], 600],
  ['the token address has trouble of its own', 'token', 'status:502', 1, 'kakao_down', 503, ['act.retry', 'act.login.other'], 60],
  ['the token address hangs up', 'token', 'cut', 1, 'kakao_down', 503, ['act.retry', 'act.login.other'], 60],
  ['the token is not JSON', 'token', 'html:200', 1, 'kakao_bad_reply', 502, ['kakao', 'act.login.other']],
  ['the person cannot be read', 'me', '-1', 2, 'kakao_down', 503, ['act.retry', 'act.login.other'], 60],
  ['Kakao is closed for maintenance', 'me', '-9798', 2, 'kakao_down', 503, ['act.retry', 'act.login.other'], 60],
  ['the person is cut in the middle', 'me', 'malformed', 2, 'kakao_bad_reply', 502, ['kakao', 'act.login.other']],
  ['a consent item is missing', 'me', '-402', 1, 'consent_missing', 200, ['act.consent', 'act.login.not']],
  ['the person is too young', 'me', '-406', 1, 'under14', 403, ['act.home', 'act.help']],
  ['the authorize address has an error of its own', 'authorize', 'server_error', 1, 'kakao_down', 503, ['act.retry', 'act.login.other'], 60],
  ['our settings are refused at the start', 'authorize', 'misconfigured', 1, 'bad_client', 502, ['act.login.other', 'act.home']],
];

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

for (const lang of ['ko', 'en']) {
  describe(`in ${lang}`, () => {
    let demo;
    before(async () => { demo = await startDemo(); });
    after(() => demo?.stop());

    // B20, CB-2, CB-8
    for (const [what, endpoint, fault, times, id, status, ways, wait] of FAULTS) {
      test(`${what} (${endpoint} ${fault}): ${id}`, async () => {
        const { context, page, calm } = await visit(browser, { lang, width: 360 });
        await page.goto(`${demo.service}/login?next=/me/sessions`);
        await demo.fail(endpoint, fault, times);
        const arrived = page.waitForResponse((response) => response.url().startsWith(`${demo.service}/auth/error`));
        await kakaoButton(page).click();
        if (endpoint !== 'authorize') await agreeAs(page, 'linked');
        const response = await arrived;
        await page.waitForLoadState();
        assert.equal(response.status(), status);
        assert.equal(page.url(), `${demo.service}/auth/error?e=${id}`);
        assert.equal(response.headers()['retry-after'], wait === undefined ? undefined : String(wait));
        assert.equal(await wellFormed(page, lang), `${word(lang, `err.${id}.title`)} – ${word(lang, 'app.name')}`);
        const reference = page.getByText(word(lang, 'contact.ref').split('{')[0]);
        assert.equal(await reference.isVisible(), status >= 500, 'the reference number');
        await translated(page, lang);
        await fits(page);
        await accessible(page);
        const shown = await page.locator('main .btns a').allInnerTexts();
        assert.deepEqual(shown, ways.map((way) => word(lang, way === 'kakao' ? 'login.kakao' : way)));
        calm();

        // The first way forward is a way forward: it leads to a page of ours or to Kakao.
        await demo.heal();
        await page.locator('main .btns a').first().click();
        await page.waitForLoadState();
        assert.doesNotMatch(page.url(), /\/auth\/error/);
        assert.equal(await page.locator('h1').count(), 1);
        await context.close();
      });
    }

    // B20, KL-7
    test('after the trouble the person lands where they wanted to go', async () => {
      const { context, page, calm } = await visit(browser, { lang });
      await page.goto(`${demo.service}/login?next=/me/sessions`);
      await demo.fail('token', 'status:500');
      await kakaoButton(page).click();
      await agreeAs(page, 'linked');
      await page.waitForURL('**/auth/error?e=kakao_down');
      await control(page, 'link', word(lang, 'act.retry')).click();
      // Signed in at Kakao and agreed to everything: no question is asked again.
      await page.waitForURL(`${demo.service}/me/sessions`);
      calm();
      await context.close();
    });

    // B20, CB-2
    test('somebody whom Kakao refuses for their age is told calmly', async () => {
      const { context, page, calm } = await visit(browser, { lang });
      await page.goto(`${demo.service}/login`);
      await demo.fail('authorize', 'access_denied');
      await kakaoButton(page).click();
      await page.waitForURL(`${demo.service}/auth/kakao/cancelled`);
      await translated(page, lang);
      calm();
      await context.close();
    });

    // KL-3, CB-1
    test('a callback from another browser or made up leads to a page, not in', async () => {
      const { context, page } = await visit(browser, { lang });
      for (const [query, id] of [['code=abc&state=made-up', 'state_bad'], ['', 'state_bad'], ['code=a&code=b&state=c', 'bad_request']]) {
        await page.goto(`${demo.service}/auth/kakao/callback?${query}`);
        assert.equal(page.url(), `${demo.service}/auth/error?e=${id}`);
        assert.equal(await page.locator('h1').innerText(), word(lang, `err.${id}.title`));
      }
      await context.close();
    });

    // WB-2
    test('a form with a stale token changes nothing and says how to go on', async () => {
      const { context, page } = await visit(browser, { lang });
      await logIn(page, demo.service, 'linked');
      await page.goto(`${demo.service}/logout`);
      await page.locator('main input[name=csrf]').evaluate((input) => { input.value = 'stale'; });
      const answer = page.waitForResponse((response) => response.request().method() === 'POST');
      await control(page, 'button', word(lang, 'lo.svc')).click();
      assert.equal((await answer).status(), 403);
      assert.equal(await page.locator('h1').innerText(), word(lang, 'err.csrf.title'));
      await translated(page, lang);
      await fits(page);
      await accessible(page);
      await control(page, 'link', word(lang, 'act.reopen')).click();
      assert.equal(await page.locator('h1').innerText(), word(lang, 'lo.title'), 'still logged in');
      await context.close();
    });

    test('an address that only takes forms, and one that is not there', async () => {
      const { context, page } = await visit(browser, { lang });
      for (const [path, status, id, allow] of [
        ['/language', 405, 'method', 'POST'],
        ['/me/sessions/end-others', 405, 'method', 'POST'],
        ['/me/nothing', 404, 'not_found', undefined],
      ]) {
        const response = await page.goto(demo.service + path);
        assert.equal(response.status(), status);
        assert.equal(response.headers().allow, allow);
        assert.equal(await page.locator('h1').innerText(), word(lang, `err.${id}.title`));
        await control(page, 'link', word(lang, 'act.home')).click();
        assert.equal(page.url(), `${demo.service}/`);
      }
      await context.close();
    });

    // Last in the group: afterwards this address may not start a login for a while.
    test('whoever starts too many logins is told when to go on', async () => {
      const { context, page } = await visit(browser, { lang });
      let status = 303;
      for (let count = 0; status === 303 && count < 200; count += 1) {
        const answer = await context.request.get(`${demo.service}/auth/kakao`, { maxRedirects: 0 });
        status = answer.status();
      }
      assert.equal(status, 429);
      const response = await page.goto(`${demo.service}/auth/kakao`);
      const seconds = response.headers()['retry-after'];
      assert.match(seconds, /^\d+$/);
      assert.equal(await page.locator('h1').innerText(), word(lang, 'err.rate.title'));
      assert.equal(await page.locator('main p').first().innerText(), word(lang, 'err.rate.body').replace('{seconds}', seconds));
      await accessible(page);
      await context.close();
    });
  });
}
