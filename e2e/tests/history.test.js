// What is left behind in the address bar, the history and the caches, and what happens to
// somebody who presses twice, goes back, or has two windows open.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, visit } from '../harness/browser.mjs';
import { startDemo } from '../harness/demo.mjs';
import { agreeAs, control, kakaoButton, logIn, logOut } from '../harness/story.mjs';
import { word } from '../harness/words.mjs';

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

/** Every address that the browser would go back to. */
async function visited(context, page) {
  const session = await context.newCDPSession(page);
  const { entries } = await session.send('Page.getNavigationHistory');
  await session.detach();
  return entries.map((entry) => entry.url);
}

// B18, CB-8
test('no code and no state of a login stay in the address or the history', async () => {
  const { context, page, calm } = await visit(browser);
  const referrers = [];
  page.on('request', (request) => referrers.push(request.headers().referer ?? ''));
  await logIn(page, demo.service, 'linked');
  assert.equal(page.url(), `${demo.service}/me`);
  const ours = (await visited(context, page)).filter((url) => url.startsWith(demo.service));
  assert.ok(ours.includes(`${demo.service}/me`));
  for (const url of [...ours, ...referrers]) assert.doesNotMatch(url, /callback\?|code=.+&state=/, url);
  await page.goto(`${demo.service}/logout`);
  await control(page, 'button', word('ko', 'lo.kakao')).click();
  await page.locator('button[name=logout_with_kakao][value=true]').click();
  await page.waitForURL(`${demo.service}/logged-out?done=kakao`);
  const after = (await visited(context, page)).filter((url) => url.startsWith(demo.service));
  for (const url of after) assert.doesNotMatch(url, /state=/, url);
  calm();
  await context.close();
});

// B18, WB-4, SE-4
test('after logging out, going back shows the login page and nothing of the member', async () => {
  for (const script of [true, false]) {
    const { context, page, calm } = await visit(browser, { script });
    await logIn(page, demo.service, 'linked');
    await page.goto(`${demo.service}/me/sessions`);
    await logOut(page, demo.service, 'ko');
    for (let steps = 0; steps < 3; steps += 1) {
      await page.goBack();
      assert.equal(new URL(page.url()).pathname, '/login');
      assert.equal(await page.getByText('윤가람').count(), 0);
    }
    calm();
    await context.close();
  }
});

// B18, SE-10
test('pages that depend on who asks are kept by nobody', async () => {
  const { context, page } = await visit(browser);
  await logIn(page, demo.service, 'linked');
  for (const path of ['/', '/me', '/me/sessions', '/logout', '/nowhere']) {
    const response = await page.goto(demo.service + path);
    assert.equal(response.headers()['cache-control'], 'no-store', path);
  }
  await context.close();
});

// B21, CB-3
test('going back to Kakao from the member page leads there again', async () => {
  await demo.reset();
  const { context, page, calm } = await visit(browser);
  await logIn(page, demo.service, 'ordinary');
  // Past the consent page, which was the answer to a form, to where the account is picked. Kakao
  // knows the person by now and sends them on at once, with a new code and the state of before.
  const again = page.waitForRequest((request) => request.url().includes('/auth/kakao/callback?'));
  await page.evaluate(() => history.go(-2));
  await again;
  await page.waitForURL(`${demo.service}/me`);
  assert.equal(await page.locator('h1').innerText(), word('ko', 'me.title'));
  calm();
  await context.close();
});

// B21, CB-3
test('a callback that is opened again leads to the member page, and exchanges nothing', async () => {
  const { context, page, calm } = await visit(browser);
  let callback;
  page.on('request', (request) => {
    if (request.url().includes('/auth/kakao/callback?')) callback = request.url();
  });
  await logIn(page, demo.service, 'linked');
  await page.goto(callback);
  assert.equal(page.url(), `${demo.service}/me`);
  calm();
  await context.close();
});

// B21, KL-6
test('two windows log in side by side', async () => {
  await demo.reset();
  const { context, page, calm } = await visit(browser);
  const second = await context.newPage();
  await page.goto(`${demo.service}/login?next=/me`);
  await second.goto(`${demo.service}/login?next=/me/sessions`);
  await kakaoButton(page).click();
  await kakaoButton(second).click();
  await agreeAs(second, 'linked');
  await second.waitForURL(`${demo.service}/me/sessions`);
  await agreeAs(page, 'linked');
  await page.waitForURL(`${demo.service}/me`);
  calm();
  await context.close();
});

// B21
test('logging out in a window whose login ended in another one says so', async () => {
  const { context, page, calm } = await visit(browser);
  await logIn(page, demo.service, 'linked');
  const second = await context.newPage();
  for (const window of [page, second]) await window.goto(`${demo.service}/logout`);
  for (const [window, key] of [[page, 'lo.done'], [second, 'err.csrf.title']]) {
    await control(window, 'button', word('ko', 'lo.svc')).click();
    await window.waitForLoadState();
    assert.equal(await window.locator('h1').innerText(), word('ko', key));
  }
  await control(second, 'link', word('ko', 'act.reopen')).click();
  await second.waitForURL(`${demo.service}/login?next=**`);
  calm();
  await context.close();
});

// B21
test('a device that is ended twice is ended once, and the second answer is friendly', async () => {
  const here = await visit(browser);
  await logIn(here.page, demo.service, 'long-id');
  const other = await visit(browser);
  await logIn(other.page, demo.service, 'long-id');
  const second = await here.context.newPage();
  for (const window of [here.page, second]) await window.goto(`${demo.service}/me/sessions`);
  for (const [window, key] of [[here.page, 'ses.ended'], [second, 'ses.gone']]) {
    await window.locator('li.card button').click();
    const said = await window.locator('[role=status]').innerText();
    const [start, end] = word('ko', key).split('{device}');
    assert.ok(said.startsWith(start) && said.endsWith(end ?? ''), said);
  }
  for (const visitor of [here, other]) {
    visitor.calm();
    await visitor.context.close();
  }
});

// B21
test('a button pressed twice sends its form once, and works again after going back', async () => {
  const here = await visit(browser);
  await logIn(here.page, demo.service, 'no-email');
  const other = await visit(browser);
  await logIn(other.page, demo.service, 'no-email');
  const { page } = here;
  await page.goto(`${demo.service}/me/sessions`);
  let posts = 0;
  let release;
  const released = new Promise((resolve) => { release = resolve; });
  await page.route('**/end', async (route) => {
    posts += 1;
    await released;
    await route.continue();
  });
  // What the button says right after the second press, while the answer is on its way.
  const said = await page.locator('li.card button').evaluate((button) => {
    button.click();
    button.click();
    return [button.textContent, button.getAttribute('aria-disabled')];
  });
  assert.deepEqual(said, [word('ko', 'act.busy'), 'true']);
  release();
  await page.locator('[role=status]').waitFor();
  assert.equal(posts, 1);
  await page.goBack();
  assert.equal(await page.locator('[aria-disabled]').count(), 0);
  for (const visitor of [here, other]) {
    visitor.calm();
    await visitor.context.close();
  }
});
