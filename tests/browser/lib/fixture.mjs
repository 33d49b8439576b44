// What the tests of a process share: one browser with its windows, one sandbox, a folder for jeton.
import assert from "node:assert/strict";
import path from "node:path";
import { after, before } from "node:test";
import { keep } from "./audit.mjs";
import { openBrowser, openPerson, refresh } from "./browser.mjs";
import { Portal } from "./portal.mjs";
import { Home, Sandbox } from "./sandbox.mjs";

let fixture;

function create() {
  const made = {};
  const free = []; // windows that nobody uses; a new one takes Chromium longer than most tests
  let failures = 0;

  before(async () => {
    made.home = new Home();
    made.browser = await openBrowser(); // each as soon as it is there, so that `after` ends it whatever fails next
    made.sandbox = await Sandbox.start();
  });
  after(async () => {
    await made.browser?.close();
    await made.sandbox?.stop();
    made.home?.remove();
  });

  async function take(options) {
    const kind = JSON.stringify(options);
    const index = free.findIndex((person) => person.kind === kind);
    if (index < 0) return Object.assign(await openPerson(made.browser, options), { kind });
    return free.splice(index, 1)[0];
  }

  /** Runs `use` with a person of her own before the portal; nothing may go wrong on her pages. */
  made.as = async (options, use) => {
    const person = await take(options);
    try {
      await use(new Portal(person, made.sandbox), person);
      assert.deepEqual(person.problems, []);
      await refresh(person);
    } catch (error) {
      await keep(person.page, `failed-${path.basename(process.argv[1], ".mjs")}-${++failures}`).catch(() => {});
      await person.context.close();
      throw error;
    }
    free.push(person);
  };
  return made;
}

/** To be called at the top of a file; the files of one process get the same. */
export function useFixture() {
  fixture ??= create();
  return fixture;
}
