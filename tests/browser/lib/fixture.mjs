// What a file of tests shares: one browser, one sandbox, a folder for jeton.
import assert from "node:assert/strict";
import path from "node:path";
import { after, before } from "node:test";
import { keep } from "./audit.mjs";
import { openBrowser, openPerson } from "./browser.mjs";
import { Portal } from "./portal.mjs";
import { Home, Sandbox } from "./sandbox.mjs";

/** To be called once at the top of a file. */
export function useFixture() {
  const fixture = {};
  let failures = 0;

  before(async () => {
    fixture.home = new Home();
    [fixture.browser, fixture.sandbox] = await Promise.all([openBrowser(), Sandbox.start()]);
  });
  after(async () => {
    await fixture.browser?.close();
    await fixture.sandbox?.stop();
    fixture.home?.remove();
  });

  /** Runs `use` with a person of her own before the portal; nothing may go wrong on her pages. */
  fixture.as = async (options, use) => {
    const person = await openPerson(fixture.browser, options);
    try {
      await use(new Portal(person, fixture.sandbox), person);
      assert.deepEqual(person.problems, []);
    } catch (error) {
      await keep(person.page, `failed-${path.basename(process.argv[1], ".mjs")}-${++failures}`).catch(() => {});
      throw error;
    } finally {
      await person.context.close();
    }
  };
  return fixture;
}
