// A site that knows nobody itself: whoever asks for a page of it signs in at the service and is back
// at that page, in a browser that holds every redirect after a form to the policy of the form's page.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { launch, visit } from '../harness/browser.mjs';
import { startDemo } from '../harness/demo.mjs';
import { agreeAs, joinByEmail, kakaoButton } from '../harness/story.mjs';

const EMAIL = 'site@example.com';
const PASSWORD = 'a-long-enough-passphrase-1';

let demo;
let browser;
let site;
let address;
before(async () => {
  // As Caddy asks; the test suite tries the real proxies.
  site = createServer(async (request, response) => {
    const asked = await fetch(`${demo.service}/forward-auth`, {
      redirect: 'manual',
      headers: {
        accept: request.headers.accept ?? '*/*',
        cookie: request.headers.cookie ?? '',
        'x-forwarded-method': request.method,
        'x-forwarded-proto': 'http',
        'x-forwarded-host': request.headers.host,
        'x-forwarded-uri': request.url,
      },
    });
    if (asked.status !== 200) {
      const location = asked.headers.get('location');
      response.writeHead(asked.status, location ? { location } : {});
      return response.end();
    }
    const name = decodeURIComponent(asked.headers.get('x-auth-name'));
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    return response.end(`<!doctype html><html lang="ko"><title>site</title><link rel="icon" href="data:,"><p id="who">${name}</p>`);
  });
  await new Promise((listening) => site.listen(0, '127.0.0.1', listening));
  const host = `127.0.0.1:${site.address().port}`;
  address = `http://${host}/page?a=b`;
  demo = await startDemo({ FORWARD_AUTH_HOSTS: host, TRUSTED_PROXIES: '127.0.0.1/32' });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await demo?.stop();
  site?.close();
});

for (const script of [true, false]) {
  // FA-1, FA-4
  test(`with Kakao, script ${script ? 'on' : 'off'}`, async () => {
    const { context, page, calm } = await visit(browser, { script });
    await page.goto(address);
    assert.equal(new URL(page.url()).pathname, '/login');
    await kakaoButton(page).click();
    await agreeAs(page, 'ordinary');
    await page.waitForURL(address);
    assert.equal(await page.locator('#who').textContent(), '김하늘');
    calm();
    await context.close();
  });
}

// FA-1, FA-4, WB-4
test('with a password, by a form whose answer leads to another origin', async () => {
  const joined = await visit(browser);
  await joinByEmail(joined.page, demo, { lang: 'ko', name: '한누리', email: EMAIL, password: PASSWORD });
  await joined.context.close();
  for (const script of [true, false]) {
    const { context, page, calm } = await visit(browser, { script });
    await page.goto(address);
    await page.locator('#email').fill(EMAIL);
    await page.locator('#password').fill(PASSWORD);
    await page.locator('main form button.wide').click();
    await page.waitForURL(address);
    assert.equal(await page.locator('#who').textContent(), '한누리');
    calm();
    await context.close();
  }
});
