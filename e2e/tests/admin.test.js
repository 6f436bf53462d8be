// The administration beside its list: dashboard, one member, what is done to them, files, the log.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { mkdir } from 'node:fs/promises';
import { launch, visit } from '../harness/browser.mjs';
import { accessible, CONTRAST, fits, steady, translated, wellFormed } from '../harness/checks.mjs';
import { startDemo } from '../harness/demo.mjs';
import { control, logIn } from '../harness/story.mjs';
import { word } from '../harness/words.mjs';

/** A folder for pictures of every page, to look at. */
const SHOTS = process.env.SHOTS;
const NAME = '김하늘';
const ADDRESS = 'ordinary@';

let demo;
let browser;
let owner;
let member;
before(async () => {
  demo = await startDemo({ ADMIN_EMAILS: 'linked@example.com' });
  browser = await launch();
  const other = await visit(browser);
  await logIn(other.page, demo.service, 'ordinary');
  await other.context.close();
  const { context, page } = await visit(browser);
  await logIn(page, demo.service, 'linked');
  await page.goto(`${demo.service}/admin/members`);
  await page.locator('#q').fill('ordinary@example.com');
  await control(page, 'button', word('ko', 'am.submit')).click();
  await page.waitForURL(/\/admin\/members\/[0-9a-f-]{36}$/);
  member = new URL(page.url()).pathname;
  owner = await context.storageState();
  await context.close();
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

/** Every page, `[address, name]`; the confirm pages do nothing. */
const pages = () => [
  ['/admin', 'dashboard'],
  ['/admin?days=90', 'quarter'],
  [member, 'details'],
  [`${member}?tab=sessions`, 'devices'],
  [`${member}?tab=history`, 'history'],
  [`${member}/suspend`, 'suspend'],
  [`${member}/kick`, 'kick'],
  [`${member}/role`, 'role'],
  [`${member}/reveal`, 'reveal'],
  ['/admin/members/export?status=active', 'export'],
  ['/admin/audit', 'audit'],
  ['/admin/outbox', 'outbox'],
  ['/admin/api-keys', 'keys'],
  ['/admin/api-keys/new', 'keys-new'],
  ['/admin/outbox?state=done', 'outbox-done'],
  ['/admin/audit?result=failed&from=2020-01-01&to=2020-01-02', 'audit-empty'],
  ['/reauth?next=/admin', 'reauth'],
];

for (const lang of ['ko', 'en']) {
  for (const theme of ['light', 'dark']) {
    for (const width of [360, 1280]) {
      describe(`in ${lang}, ${theme}, ${width} px wide`, () => {
        // B1, B3, B4, B5, B6, B14, B15
        test('every page is in order', async () => {
          const { context, page, calm } = await visit(browser, { lang, theme, width, storageState: owner });
          for (const [address, name] of pages()) {
            const response = await page.goto(demo.service + address);
            assert.equal(response.status(), 200, address);
            await wellFormed(page, lang);
            // What asks to act on somebody names them in its title, masked.
            if (!/\/(suspend|kick|role)$/.test(address)) await translated(page, lang);
            await fits(page);
            await steady(page);
            // Numbers of one digit are too short for axe to be sure that they are text.
            await accessible(page, CONTRAST);
            if (!SHOTS) continue;
            await mkdir(SHOTS, { recursive: true });
            await page.screenshot({ path: `${SHOTS}/admin-${lang}-${theme}-${width}-${name}.png`, fullPage: true });
          }
          calm();
          await context.close();
        });
      });
    }
  }
}

// B17, AD-3
test('nobody is shown in full anywhere but where a reason was given', async () => {
  const { context, page } = await visit(browser, { storageState: owner });
  for (const [address] of pages()) {
    await page.goto(demo.service + address);
    const html = await page.content();
    for (const raw of [NAME, ADDRESS]) assert.ok(!html.includes(raw), `${raw} at ${address}`);
  }
  await page.goto(`${demo.service}${member}/reveal`);
  await page.locator('[name=reason]').fill('전화로 본인이 요청함');
  await control(page, 'button', word('ko', 'md.reveal.go')).click();
  await page.getByText(word('ko', 'md.reveal.on')).waitFor();
  assert.ok((await page.content()).includes(NAME));
  await page.goto(demo.service + member);
  assert.ok(!(await page.content()).includes(NAME));
  await context.close();
});

// B8, B10, AD-5
test('without script a member is suspended, cannot go on, and is restored', async () => {
  const { context, page } = await visit(browser, { storageState: owner, script: false });
  const theirs = await visit(browser);
  await logIn(theirs.page, demo.service, 'ordinary');
  await page.goto(`${demo.service}${member}/suspend`);
  await control(page, 'button', word('ko', 'md.suspend.go')).click();
  await page.locator('#errsum').waitFor();
  await page.locator('[name=reason]').fill('스팸 신고 확인');
  await control(page, 'button', word('ko', 'md.suspend.go')).click();
  await page.waitForURL(demo.service + member);
  await page.getByText(word('ko', 'md.suspended')).waitFor();
  await theirs.page.goto(`${demo.service}/me`);
  assert.match(theirs.page.url(), /\/login/);
  await page.goto(`${demo.service}${member}/restore`);
  await page.locator('[name=reason]').fill('확인 결과 오해였음');
  await page.locator('main form button').click();
  await page.getByText(word('ko', 'md.restored')).waitFor();
  await theirs.context.close();
  await context.close();
});

// B8, B10, AD-2
for (const script of [true, false]) {
  test(`an owner makes a key, a server uses it, and it is revoked, script ${script ? 'on' : 'off'}`, async () => {
    const { context, page, calm } = await visit(browser, { storageState: owner, script });
    const name = `주문 서버 ${script}`;
    await page.goto(`${demo.service}/admin/api-keys`);
    await control(page, 'link', word('ko', 'ak.new')).click();
    await control(page, 'button', word('ko', 'ak.new')).click();
    await page.locator('#errsum').waitFor();
    if (script) await accessible(page, CONTRAST);
    await page.locator('#name').fill(name);
    await page.locator('[name="scope-members:read"]').check();
    await control(page, 'button', word('ko', 'ak.new')).click();
    await page.getByText(word('ko', 'ak.made.once')).waitFor();
    if (script) {
      await accessible(page, CONTRAST);
      await fits(page);
    }
    if (SHOTS) await page.screenshot({ path: `${SHOTS}/key-made-${script}.png`, fullPage: true });
    const key = await page.locator('#secret').inputValue();
    const asked = () => fetch(`${demo.service}/api/v1/members`, { headers: { authorization: `Bearer ${key}` } });
    assert.equal((await asked()).status, 200);
    await page.goto(`${demo.service}/admin/api-keys`);
    assert.ok(!(await page.content()).includes(key));
    if (SHOTS) await page.screenshot({ path: `${SHOTS}/keys-${script}.png`, fullPage: true });
    await page.getByRole('row').filter({ hasText: name }).getByRole('link', { name: `${name} 키를 폐기합니다` }).click();
    if (script) await accessible(page, CONTRAST);
    if (SHOTS) await page.screenshot({ path: `${SHOTS}/key-revoke-${script}.png`, fullPage: true });
    await control(page, 'button', word('ko', 'ak.revoke')).click();
    await page.locator('.note').waitFor();
    assert.equal((await asked()).status, 401);
    calm();
    await context.close();
  });
}

// B12
test('the dashboard and the log are light', async (t) => {
  const { context, page } = await visit(browser, { storageState: owner });
  for (const address of ['/admin', '/admin/audit']) {
    const response = await page.goto(demo.service + address);
    const bytes = (await response.body()).length;
    t.diagnostic(`${address}: ${bytes} bytes of HTML`);
    assert.ok(bytes <= 15 * 1024, `${address}: ${bytes} bytes`);
  }
  await context.close();
});
