// What people do, in steps that several tests share.

import { word } from './words.mjs';

/** A link or button by its words. */
export function control(page, role, name) {
  return page.getByRole(role, { name, exact: true });
}

/** The Kakao button of the login page, whatever its words. */
export function kakaoButton(page) {
  return page.locator('main a.kakao');
}

/** At the emulator: picks `person`, and agrees to everything if asked. */
export async function agreeAs(page, person, { only } = {}) {
  await page.locator(`button[name=person][value="${person}"]`).click();
  const agree = page.locator('button[name=answer][value=agree]');
  if (!await agree.isVisible()) return;
  for (const item of await page.locator('input[name=item]').all()) {
    const scope = await item.getAttribute('value');
    await item.setChecked(!only || only.includes(scope));
  }
  await agree.click();
}

/** Logs in as `person`, from the login page to the member's page. */
export async function logIn(page, service, person) {
  await page.goto(`${service}/login`);
  await kakaoButton(page).click();
  await agreeAs(page, person);
  await page.waitForURL(`${service}/me`);
}

/** Logs out of this service with the ordinary button. */
export async function logOut(page, service, lang) {
  await page.goto(`${service}/logout`);
  await control(page, 'button', word(lang, 'lo.svc')).click();
  await page.waitForURL(`${service}/logged-out`);
}

/** Makes an account at the emulator and logs in with it, in a browser of its own. */
export async function join(browser, service, name, email) {
  const context = await browser.newContext({ locale: 'ko-KR', javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${service}/login`);
  await kakaoButton(page).click();
  await page.locator('details summary').click();
  await page.locator('#nickname').fill(name);
  await page.locator('#email').fill(email);
  await page.locator('details button.main').click();
  for (const item of await page.locator('input[name=item]').all()) await item.check();
  await page.locator('button[name=answer][value=agree]').click();
  await page.waitForURL(`${service}/me`);
  await context.close();
}

/** Fills in the form of `/join`, ticking what is required one by one, and sends it. */
export async function askToJoin(page, service, { name, email, password }) {
  await page.goto(`${service}/join`);
  await page.locator('#name').fill(name);
  await page.locator('#email').fill(email);
  await page.locator('#password').fill(password);
  for (const box of await page.locator('fieldset input[required]').all()) await box.check();
  await page.locator('main form button:not([type=button])').click();
  await page.waitForURL(`${service}/join/sent`);
}

/** Opens the newest mail of the emulator's mailbox that is to `email`, and follows its link. */
export async function openMail(page, emulator, email) {
  const row = page.locator('tr', { hasText: email }).first();
  const until = Date.now() + 10_000;
  for (;;) {
    await page.goto(`${emulator}/mail`);
    if (await row.isVisible()) break;
    if (Date.now() > until) throw new Error(`no mail to ${email}`);
    await page.waitForTimeout(100);
  }
  await row.locator('a').click();
  await page.locator('.letter a').first().click();
}
