// What a page costs: in bytes as they travel, in requests, and in waiting.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, visit } from '../harness/browser.mjs';
import { startDemo } from '../harness/demo.mjs';
import { logIn } from '../harness/story.mjs';

const KB = 1024;
const PAGES = ['/', '/login', '/logged-out', '/help', '/privacy', '/docs/api', '/docs/api/handOff', '/auth/error?e=kakao_down', '/nowhere'];
const MEMBER_PAGES = ['/me', '/me/sessions', '/logout'];

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

/** Opens `address` and returns what was fetched over the network: `{ url, type, bytes }`. */
async function fetched(context, page, address) {
  const session = await context.newCDPSession(page);
  const entries = new Map();
  session.on('Network.requestWillBeSent', ({ requestId, request, type }) => {
    entries.set(requestId, { url: request.url, type, bytes: 0 });
  });
  session.on('Network.responseReceived', ({ requestId, response }) => {
    const entry = entries.get(requestId);
    if (entry) entry.cached ||= response.fromDiskCache;
  });
  session.on('Network.requestServedFromCache', ({ requestId }) => {
    const entry = entries.get(requestId);
    if (entry) entry.cached = true;
  });
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    const entry = entries.get(requestId);
    if (entry) entry.bytes = encodedDataLength;
  });
  await session.send('Network.enable');
  await page.goto(address, { waitUntil: 'networkidle' });
  await session.detach();
  return [...entries.values()].filter((entry) => !entry.cached);
}

const sum = (entries, type) => entries
  .filter((entry) => !type || entry.type === type)
  .reduce((total, entry) => total + entry.bytes, 0);

/** What belongs to the page; the member's picture is Kakao's, or here the emulator's. */
const own = (entries) => entries.filter((entry) => entry.url.startsWith(demo.service));

function withinBudget(entries, where) {
  assert.ok(entries.some((entry) => entry.bytes > 0), `${where}: nothing was measured`);
  assert.ok(sum(entries, 'Document') <= 15 * KB, `${where}: ${sum(entries, 'Document')} bytes of HTML`);
  assert.ok(sum(entries, 'Stylesheet') <= 5 * KB, `${where}: ${sum(entries, 'Stylesheet')} bytes of CSS`);
  assert.ok(sum(entries, 'Script') <= 2 * KB, `${where}: ${sum(entries, 'Script')} bytes of script`);
  assert.ok(sum(entries) <= 25 * KB, `${where}: ${sum(entries)} bytes in all`);
  assert.ok(entries.length <= 5, `${where}: ${entries.length} requests`);
  assert.equal(entries.filter((entry) => entry.type === 'Font').length, 0, `${where}: web fonts`);
}

// B12
test('a first page costs at most 25 KB and five requests, all to us', async (t) => {
  for (const path of PAGES) {
    const { context, page } = await visit(browser);
    const entries = await fetched(context, page, demo.service + path);
    withinBudget(entries, path);
    assert.deepEqual(entries, own(entries), `${path}: third parties`);
    t.diagnostic(`${path}: ${entries.length} requests, ${(sum(entries) / KB).toFixed(1)} KB`);
    await context.close();
  }
});

// B12
test('a member page costs no more, and beside it only the picture is fetched', async (t) => {
  const member = await visit(browser);
  await logIn(member.page, demo.service, 'linked');
  const storageState = await member.context.storageState();
  await member.context.close();
  for (const path of MEMBER_PAGES) {
    const { context, page } = await visit(browser, { storageState });
    const entries = await fetched(context, page, demo.service + path);
    withinBudget(own(entries), path);
    const foreign = entries.filter((entry) => !own(entries).includes(entry));
    assert.ok(foreign.every((entry) => entry.type === 'Image'), `${path}: ${JSON.stringify(foreign)}`);
    assert.equal(foreign.length, path === '/me' ? 1 : 0, path);
    t.diagnostic(`${path}: ${own(entries).length} requests, ${(sum(own(entries)) / KB).toFixed(1)} KB`);
    await context.close();
  }
});

// B12
test('the second page is one request: the page itself', async () => {
  const { context, page } = await visit(browser);
  await fetched(context, page, `${demo.service}/`);
  for (const path of ['/login', '/help', '/nowhere']) {
    const entries = await fetched(context, page, demo.service + path);
    assert.deepEqual(entries.map((entry) => entry.url), [demo.service + path]);
  }
  await context.close();
});

// B12, B13
test('a page is small enough to build at once', async () => {
  const { context, page } = await visit(browser);
  for (const path of PAGES) {
    await page.goto(demo.service + path);
    const nodes = await page.evaluate(() => document.querySelectorAll('*').length);
    assert.ok(nodes <= 200, `${path}: ${nodes} elements`);
  }
  await context.close();
});

// B13
test('on a slow telephone the login page is there within a second and a half', async (t) => {
  const { context, page } = await visit(browser, { width: 360 });
  const session = await context.newCDPSession(page);
  await session.send('Network.enable');
  // What developer tools call Slow 4G.
  await session.send('Network.emulateNetworkConditions', {
    offline: false, latency: 150, downloadThroughput: 1.6e6 / 8, uploadThroughput: 750e3 / 8,
  });
  await session.send('Emulation.setCPUThrottlingRate', { rate: 4 });
  await page.goto(`${demo.service}/login`, { waitUntil: 'networkidle' });
  const painted = await page.evaluate(() => new Promise((resolve) => {
    new PerformanceObserver((list) => resolve(list.getEntries().at(-1).startTime))
      .observe({ type: 'largest-contentful-paint', buffered: true });
  }));
  t.diagnostic(`largest contentful paint after ${Math.round(painted)} ms`);
  assert.ok(painted <= 1500, `after ${painted} ms`);
  await context.close();
});
