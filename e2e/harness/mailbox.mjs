// The mail that the service sent, as the emulator keeps it.

const PATIENCE = 10_000;

/** The newest mail to `email` with a number above `after`; waits for it. */
export async function newestMail(demo, email, after = 0) {
  const until = Date.now() + PATIENCE;
  for (;;) {
    const mails = await (await fetch(`${demo.emulator}/mail?format=json`)).json();
    const mail = mails.find(({ to, number }) => to.includes(email) && number > after);
    if (mail) return mail;
    if (Date.now() > until) throw new Error(`no mail to ${email}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Opens the newest mail to `email` at the emulator, as a person does, and follows its link. */
export async function followMail(page, demo, email, after = 0) {
  const { number } = await newestMail(demo, email, after);
  await page.goto(`${demo.emulator}/mail/${number}`);
  await page.locator('.letter a').first().click();
  return number;
}
