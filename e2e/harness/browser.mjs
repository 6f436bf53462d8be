// A real browser, and a watch on what it complains about.

import { chromium } from 'playwright-core';

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Starts Chromium. `close` it at the end. */
export function launch() {
  // The sandbox needs a user who is not root; the pages are our own.
  return chromium.launch({ executablePath: EXECUTABLE, args: ['--no-sandbox'] });
}

/**
 * A person with a browser of their own: no cookies, nothing cached. `complaints` collects what
 * the console, the content security policy and uncaught errors say; `calm` expects none.
 */
export async function visit(browser, { lang = 'ko', theme = 'light', width = 1280, script = true, ...more } = {}) {
  const context = await browser.newContext({
    locale: lang === 'ko' ? 'ko-KR' : 'en-GB',
    colorScheme: theme,
    viewport: { width, height: 800 },
    javaScriptEnabled: script,
    ...more,
  });
  context.setDefaultTimeout(10_000);
  const complaints = [];
  // Before any script of a page, so that nothing is missed.
  await context.exposeFunction('complain', (text) => complaints.push(text));
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => {
      window.complain(`policy: ${event.effectiveDirective} ${event.blockedURI} on ${location.href}`);
    });
    window.shifted = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
  });
  const page = await context.newPage();
  watch(page, complaints);
  return {
    context,
    page,
    complaints,
    calm() {
      if (complaints.length) throw new Error(`the browser complains:\n${complaints.join('\n')}`);
    },
  };
}

/** Adds what `page` complains about to `complaints`. */
function watch(page, complaints) {
  // A page with an error status is a page: Chromium reports its status as a console error.
  const isStatus = (text) => text.startsWith('Failed to load resource: the server responded with a status of');
  page.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return;
    const at = message.location().url;
    if (isStatus(message.text()) && at === page.url()) return;
    complaints.push(`console: ${message.text()} (${at})`);
  });
  page.on('pageerror', (error) => complaints.push(`script: ${error.message}`));
  page.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText;
    // Chromium gives up what it was loading when the person moves on.
    if (reason !== 'net::ERR_ABORTED') complaints.push(`request: ${reason} ${request.url()}`);
  });
}
