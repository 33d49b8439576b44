// Looks at every page of the table, in one language.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { checkAccessible, checkFits, checkKeyboard, keep } from "./audit.mjs";
import { NARROW, openBrowser, openPerson, WIDE } from "./browser.mjs";
import { Sandbox } from "./sandbox.mjs";

/**
 * @param {object[]} pages rows of ../pages.mjs
 * @param {"en"|"fr"} language
 */
export function lookAtPages(pages, language) {
  let browser, sandbox;

  before(async () => {
    [browser, sandbox] = await Promise.all([openBrowser(), Sandbox.start()]);
  });
  after(async () => {
    await browser?.close();
    await sandbox?.stop();
  });

  describe(`pages (${language})`, () => {
    for (const row of pages.filter((one) => language === "en" || !one.english)) {
      it(row.name, async () => {
        const person = await openPerson(browser, { language });
        const { page } = person;
        await row.open(page, sandbox, person);
        const what = `${row.name} (${language})`;
        assert.equal(await page.locator("html").getAttribute("lang"), language, what);
        assert.equal(await page.locator("h1").count(), 1, `${what}: one heading of the page`);

        await keep(page, `${row.name}.${language}.wide`);
        await checkAccessible(page, `${what}, light`);
        await page.emulateMedia({ colorScheme: "dark" });
        await keep(page, `${row.name}.${language}.dark`);
        await checkAccessible(page, `${what}, dark`);
        await page.emulateMedia({ colorScheme: "light" });
        await page.setViewportSize(NARROW);
        await keep(page, `${row.name}.${language}.narrow`);
        await checkFits(page, what);
        await page.setViewportSize(WIDE);
        await checkKeyboard(page, what);
        assert.deepEqual(person.problems, [], what);
        await person.context.close();
      });
    }
  });
}
