// Looks at every page of the table, in one language.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { bringAxe, checkAccessible, checkContrast, checkFits, checkKeyboard, keep } from "./audit.mjs";
import { NARROW, openPerson, TABLET, WIDE } from "./browser.mjs";
import { useFixture } from "./fixture.mjs";
import { ALICE, Portal, SALES } from "./portal.mjs";
import { Talk } from "./said.mjs";

const LONG = Boolean(process.env.JETON_SOAK); // all of it in both languages

// What the pages of traffic have to show: calls that worked, and one that did not.
async function makeTraffic(sandbox, connector) {
  const accessToken = await sandbox.exchange(connector);
  const { body } = await sandbox.api("GET", "groups", { accessToken });
  await sandbox.api("POST", `groups/${body.groups[0].groupId}/messages`, { accessToken }, { message: "Hello" });
  await sandbox.api("GET", "groups?fetchAllGroups=perhaps", { accessToken: "none" });
}

async function look(person, name) {
  const { page, language } = person;
  const what = `${name} (${language})`;
  const file = `${name}.${language}`;
  const isFirst = language === "en" || LONG; // what does not depend on the words is looked at once
  assert.equal(await page.locator("html").getAttribute("lang"), language, what);
  assert.equal(await page.locator("h1").count(), 1, `${what}: one heading of the page`);
  if (isFirst) await keep(page, `${file}.wide`);
  await checkAccessible(page, `${what}, light`);
  if (isFirst) {
    await page.emulateMedia({ colorScheme: "dark" });
    await keep(page, `${file}.dark`);
    await checkContrast(page, `${what}, dark`);
    await page.emulateMedia({ colorScheme: "light" });
  }
  for (const [size, viewport] of [["narrow", NARROW], ["tablet", TABLET]]) {
    await page.setViewportSize(viewport);
    if (isFirst) await keep(page, `${file}.${size}`);
    await checkFits(page, `${what}, ${size}`);
  }
  await page.setViewportSize(WIDE);
  if (isFirst) await checkKeyboard(page, what);
  assert.deepEqual(person.problems.splice(0), [], what);
}

/**
 * @param {object[]} pages rows of ../pages.mjs
 * @param {"en"|"fr"} language
 */
export function lookAtPages(pages, language) {
  const fixture = useFixture();
  let person, portal, prepared;

  // One window for all: a new one takes Chromium longer than to look at a page.
  const rows = (guest) => {
    for (const row of pages.filter((one) => Boolean(one.guest) === guest)) {
      it(row.name, async () => {
        await row.open(portal, prepared);
        await look(person, row.name);
      });
    }
  };

  describe(`pages (${language})`, () => {
    before(async () => {
      person = await openPerson(fixture.browser, { language });
      portal = new Portal(person, fixture.sandbox);
      await bringAxe(person.page);
    });
    after(() => person?.context.close());

    describe("for guests", () => rows(true));

    describe("for who has signed in", () => {
      before(async () => {
        await portal.signIn(ALICE);
        await portal.addPhone(ALICE);
        prepared = await fixture.sandbox.makeConnector("Morning report", ALICE);
        await makeTraffic(fixture.sandbox, prepared);
        const accessToken = await fixture.sandbox.exchange(prepared);
        prepared.talk = new Talk(fixture.sandbox, accessToken, SALES);
        prepared.said = await prepared.talk.all();
      });
      rows(false);
    });
  });
}
