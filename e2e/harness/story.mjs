// What people do, in steps that several tests share.

import { followMail } from './mailbox.mjs';
import { word } from './words.mjs';

/** A link or button by its words. */
export function control(page, role, name) {
  return page.getByRole(role, { name, exact: true });
}

/** The Kakao button of the login page, whatever its words. */
export function kakaoButton(page) {
  return page.locator('main a.kakao');
}

/** At the emulator: picks `person`, unless it knows the browser, and agrees to everything if asked. */
export async function agreeAs(page, person, { only } = {}) {
  await page.locator('button[name=person], button[name=answer]').first().waitFor();
  const who = page.locator(`button[name=person][value="${person}"]`);
  if (await who.isVisible()) await who.click();
  const agree = page.locator('button[name=answer][value=agree]');
  if (!await agree.isVisible()) return;
  for (const item of await page.locator('fieldset input:not([name=all])').all()) {
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

/** Joins by email, through the mail, up to the page that says so. */
export async function joinByEmail(page, demo, { lang, name, email, password }) {
  await askToJoin(page, demo.service, { name, email, password });
  await followMail(page, demo, email);
  await control(page, 'button', word(lang, 'join.verify.submit')).click();
  await page.waitForURL(`${demo.service}/join/done`);
}

/** Types an address and a password into the login page. */
export async function logInByEmail(page, service, email, password) {
  await page.goto(`${service}/login`);
  await page.locator('#email').fill(email);
  await page.locator('#password').fill(password);
  await page.locator('main form button.wide').click();
}
