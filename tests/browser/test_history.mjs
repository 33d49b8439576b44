// The history of jobs as people see it: the page in a file, and live.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { bringAxe, checkAccessible, checkContrast, checkFits } from "./lib/audit.mjs";
import { openBrowser, openPerson } from "./lib/browser.mjs";
import { Home } from "./lib/sandbox.mjs";

const BYTES_MAX = 60_000;
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
const servers = [];
let browser, home, address, cookie;

/** Serves the history; the address that is printed has a key, which works once. */
async function serve() {
  const server = home.start(["history", "--serve"]);
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
  await home.ok(["history", "--html", "page.html"]);
  const printed = await serve();
  browser = await openBrowser();
  const reply = await fetch(printed, { redirect: "manual" });
  const [name, value] = reply.headers.get("set-cookie").split(";")[0].split("=");
  address = new URL(printed).origin;
  cookie = { name, value, url: address };
});
after(async () => {
  for (const server of servers) server.kill();
  await browser?.close();
  home?.remove();
});

const file = () => pathToFileURL(path.join(home.folder, "page.html")).href;

/** Somebody who may look at the page; nothing may go wrong meanwhile. */
async function look(use, options) {
  const person = await openPerson(browser, options);
  try {
    await person.context.addCookies([cookie]);
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

  it("is accessible, and fits every screen", async () => {
    for (const scheme of ["light", "dark"]) {
      for (const viewport of SIZES) {
        await look(async (page) => {
          const check = scheme === "light" ? checkAccessible : checkContrast;
          for (const where of [address, `${address}/?failed=1`, file()]) {
            const reply = await page.goto(where);
            const what = `${where}, ${viewport.width}, ${scheme}`;
            await check(page, what);
            await checkFits(page, what);
            assert.ok((await reply.body()).length < BYTES_MAX, what);
          }
          await page.goto(address);
          await page.locator("tr.failed td.id a").click();
          await check(page, "a run");
          await checkFits(page, "a run");
        }, { viewport, scheme });
      }
    }
  });
});
