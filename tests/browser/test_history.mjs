// The history of jobs as people see it: the page in a file, and live.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { bringAxe, checkAccessible, checkContrast, checkFits, checkKeyboard, keep } from "./lib/audit.mjs";
import { openBrowser, openPerson } from "./lib/browser.mjs";
import { Home } from "./lib/sandbox.mjs";

const BYTES_MAX = 60_000;
const LANGUAGES = ["en", "fr"];
const SIZES = [{ width: 375, height: 700 }, { width: 768, height: 1024 }, { width: 1280, height: 800 }];
const LONG = "alert-of-full-disks-of-all-machines-in-the-building";
const CONFIGURATION = `\
version: 1
name: office
state: state
jobs:
  report: { script: report.lua }
  ${LONG}: { script: alert.lua, retries: { attempts: 2, delay: 1ms } }
`;
const ALERT = `print "asked for <b>disks</b>"
error("the service says: 503, try later; " .. ("and it says so at length "):rep(20), 0)`;
const MANY = 21; // jobs: more than can be chosen from
const servers = [];
let browser, home, many, address, manyAddress;
const cookies = [];

/** Serves the history; the address that is printed has a key, which works once. */
async function serve(of = home) {
  const server = of.start(["history", "--serve"]);
  servers.push(server);
  const { value, done } = await createInterface({ input: server.stdout })[Symbol.asyncIterator]().next();
  if (done) throw new Error("jeton history --serve has ended");
  return value;
}

before(async () => {
  home = new Home();
  for (const [name, text] of [["jeton.yaml", CONFIGURATION], ["report.lua", 'print "sent"'], ["alert.lua", ALERT]]) {
    writeFileSync(path.join(home.folder, name), text, { mode: 0o600 });
  }
  for (const job of ["report", LONG, "report"]) await home.jeton(["run", "--job", job]);
  for (const language of LANGUAGES) {
    await home.ok(["history", "--all", "--html", `page.${language}.html`], "", { LC_ALL: `${language}_FR.UTF-8` });
  }
  many = new Home();
  const names = Array.from({ length: MANY }, (_, i) => `job-${i}`);
  writeFileSync(path.join(many.folder, "jeton.yaml"), `version: 1\nname: many\nstate: state\njobs:\n${
    names.map((name) => `  ${name}: { script: job.lua }\n`).join("")}`, { mode: 0o600 });
  writeFileSync(path.join(many.folder, "job.lua"), 'print(("all is well; "):rep(2000))', { mode: 0o600 });
  for (const job of names) await many.ok(["run", "--job", job]);
  browser = await openBrowser();
  address = await enter(await serve());
  manyAddress = await enter(await serve(many));
});

async function enter(printed) {
  const reply = await fetch(printed, { redirect: "manual" });
  const [name, value] = reply.headers.get("set-cookie").split(";")[0].split("=");
  const { origin } = new URL(printed);
  cookies.push({ name, value, url: origin });
  return origin;
}
after(async () => {
  for (const server of servers) server.kill();
  await browser?.close();
  home?.remove();
  many?.remove();
});

const file = (language = "en") => pathToFileURL(path.join(home.folder, `page.${language}.html`)).href;

/** Somebody who may look at the page; nothing may go wrong meanwhile. */
async function look(use, options) {
  const person = await openPerson(browser, options);
  try {
    await person.context.addCookies(cookies);
    await bringAxe(person.page);
    await use(person.page);
    assert.deepEqual(person.problems, []);
  } finally {
    await person.context.close();
  }
}

async function visibleRuns(page) {
  return page.locator("tr.run:visible td.job").allTextContents();
}

describe("the history of jobs", () => {
  it("leads from a day to what a run printed", () => look(async (page) => {
    const printed = await serve();
    await page.goto(printed);
    assert.equal(new URL(page.url()).search, ""); // the key stays in no address
    await page.locator("svg a[href^='/?day=']").click();
    assert.deepEqual(await visibleRuns(page), ["report", LONG, "report"]);
    await page.getByLabel("Only failed").check();
    await page.getByRole("button", { name: "Show" }).click();
    assert.deepEqual(await visibleRuns(page), [LONG]);
    await page.locator("tr.failed td.id a").click();
    await page.getByRole("heading", { name: "Attempt 2" }).waitFor();
    assert.match(await page.locator("pre").first().textContent(), /^asked for <b>disks<\/b>\n/);
    await page.getByRole("link", { name: "History" }).click();
    assert.equal((await visibleRuns(page)).length, 3);
    await page.goto(printed); // again, by the browser that has been let in
    assert.equal(new URL(page.url()).search, "");
    assert.equal((await visibleRuns(page)).length, 3);
  }));

  it("is filtered in a file too, which runs no code", () => look(async (page) => {
    await page.goto(file());
    assert.deepEqual(await visibleRuns(page), ["report", LONG, "report"]);
    await page.getByLabel("Only failed").check();
    assert.deepEqual(await visibleRuns(page), [LONG]);
    await page.getByLabel("Job").and(page.locator("select")).selectOption("report");
    assert.deepEqual(await visibleRuns(page), []);
    await page.getByLabel("Only failed").uncheck();
    await page.getByLabel("Time").and(page.locator("select")).selectOption("7 days");
    assert.deepEqual(await visibleRuns(page), ["report", "report"]);
  }, { scripts: false }));

  it("says why on a telephone, in the width that there is", () => look(async (page) => {
    await page.goto(address);
    const why = await page.locator("tr.failed td.why").boundingBox();
    assert.ok(why.width > 250 && why.height < 250, JSON.stringify(why));
  }, { viewport: SIZES[0] }));

  it("is dark on white on paper, and no wider", () => look(async (page) => {
    await page.emulateMedia({ media: "print" });
    await page.goto(file());
    assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector("section")).backgroundColor), "rgb(255, 255, 255)");
    assert.equal(await page.getByLabel("Only failed").isVisible(), false);
    await checkFits(page, "paper");
  }, { scheme: "dark", viewport: { width: 680, height: 1000 } }));

  it("speaks French to who prefers it, or asks for it", () => look(async (page) => {
    await page.goto(address);
    await page.getByRole("heading", { name: "Historique des tâches" }).waitFor();
    await page.getByRole("link", { name: "English" }).click();
    await page.getByRole("heading", { name: "History of jobs" }).waitFor();
    await page.locator("tr.failed td.id a").click(); // what was chosen holds
    await page.getByRole("heading", { name: "Attempt 2" }).waitFor();
    await page.getByRole("link", { name: "Français" }).click();
    await page.getByRole("heading", { name: "Tentative 2" }).waitFor();
    await page.getByRole("link", { name: "Historique" }).click();
    await page.getByLabel("Seulement les échecs").check();
    await page.getByRole("button", { name: "Afficher" }).click();
    await page.getByRole("link", { name: "English" }).click(); // and so does the filter
    assert.deepEqual(await visibleRuns(page), [LONG]);
  }, { language: "fr" }));

  it("has few jobs on a page, and finds the others", () => look(async (page) => {
    await page.goto(manyAddress);
    assert.equal(await page.locator(".jobs tbody tr").count(), 10);
    await page.getByRole("navigation", { name: "Pages of jobs" }).getByRole("link", { name: "More" }).click();
    await page.locator(".jobs").getByRole("link", { name: "job-9", exact: true }).click();
    assert.deepEqual(await visibleRuns(page), ["job-9"]);
    await page.getByRole("searchbox", { name: "Job" }).fill("b-2");
    await page.getByRole("button", { name: "Show" }).click();
    assert.deepEqual(await visibleRuns(page), ["job-20", "job-2"]);
    await page.locator("tr.run td.id a").first().click();
    await page.getByRole("link", { name: "All that was kept" }).click();
    assert.equal((await page.locator("body").innerText()).trim().length, 2000 * "all is well; ".length - 1);
  }));

  for (const language of LANGUAGES) {
    it(`is accessible, and fits every screen (${language})`, async () => {
      const places = {
        live: () => address, failed: () => `${address}/?failed=1`, refused: () => `${address}/none`,
        file: () => file(language), many: () => manyAddress,
      };
      for (const viewport of SIZES) {
        await look(async (page) => {
          const check = async (name) => {
            const what = `${name}, ${viewport.width}, ${language}`;
            assert.equal(await page.locator("html").getAttribute("lang"), language, what);
            assert.equal(await page.locator("h1").count(), 1, what);
            await checkFits(page, what);
            await keep(page, `history-${name}.${language}.${viewport.width}`);
            await checkAccessible(page, what);
            await page.emulateMedia({ colorScheme: "dark" });
            await keep(page, `history-${name}.${language}.${viewport.width}.dark`);
            await checkContrast(page, `${what}, dark`);
            await page.emulateMedia({ colorScheme: "light" });
          };
          for (const [name, where] of Object.entries(places)) {
            const reply = await page.goto(where());
            assert.ok((await reply.body()).length < BYTES_MAX, name);
            await check(name);
          }
          await page.goto(address);
          await checkKeyboard(page, "live");
          await page.locator("tr.failed td.id a").click();
          await check("run");
        }, { viewport, language });
      }
    });
  }
});
