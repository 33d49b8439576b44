// Chromium, and pages that tell what went wrong in them.
import { chromium, CHROMIUM } from "./place.mjs";

const ARGUMENTS = [
  "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-proxy-server",
  // Nothing but this machine can be reached, whatever a page asks for.
  "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
];
const LOCALES = { en: "en-GB", fr: "fr-FR" };

const PATIENCE_MS = 120_000; // for machines that do much else

export const WIDE = { width: 1280, height: 800 };
export const TABLET = { width: 768, height: 1024 };
export const NARROW = { width: 360, height: 740 };

export async function openBrowser() {
  return chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS, headless: true });
}

// A form that was not filled in well, or a page that is not there, is answered by a page with such a
// status; the browser says so on its console.
function isAnswered(message, page) {
  return /status of 4\d\d/.test(message.text()) && message.location().url === page.url();
}

/**
 * A person at a browser of her own (no cookie of anybody else's).
 * `problems` are errors of the console (refusals of the Content-Security-Policy among them), of
 * scripts, and of what pages load.
 */
export async function openPerson(browser, { language = "en", viewport = WIDE, scheme = "light", scripts = true } = {}) {
  const context = await browser.newContext({
    locale: LOCALES[language], viewport, colorScheme: scheme, javaScriptEnabled: scripts, reducedMotion: "reduce",
    serviceWorkers: "block",
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const problems = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !isAnswered(message, page)) {
      problems.push(`console: ${message.text()} (${message.location().url})`);
    }
  });
  page.on("pageerror", (error) => problems.push(`script: ${error.stack}`));
  page.on("response", (response) => {
    if (response.status() >= 400 && !response.request().isNavigationRequest()) {
      problems.push(`${response.status()} for ${response.url()}`);
    }
  });
  page.on("requestfailed", (request) => {
    // A request that waits for news is broken off when its page is left.
    if (request.failure()?.errorText !== "net::ERR_ABORTED") {
      problems.push(`${request.failure()?.errorText} for ${request.url()}`);
    }
  });
  return { context, page, problems, language };
}

/** Makes of a person somebody else, who was never here: no cookie, permission or page is left. */
export async function refresh({ context, page, problems }) {
  for (const other of context.pages()) {
    if (other !== page) await other.close();
  }
  await page.goto("about:blank");
  await context.clearCookies();
  await context.clearPermissions();
  problems.length = 0;
}
