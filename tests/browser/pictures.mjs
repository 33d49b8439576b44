// Makes the pictures of README.md: `./dev pictures portal`, and `history`, which takes two minutes. What they show was
// really done: messages posted to a sandbox by its API, and a month of runs, each at its own time by libfaketime.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { openBrowser, openPerson } from "./lib/browser.mjs";
import { JETON, SOURCE } from "./lib/place.mjs";
import { ALICE, BRUNO, Portal, SALES } from "./lib/portal.mjs";
import { Talk } from "./lib/said.mjs";
import { Home, Sandbox } from "./lib/sandbox.mjs";

const FOLDER = path.join(SOURCE, "docs", "pictures");
const BYTES_MAX = 150_000; // who reads a README waits for it
const SIZE = { width: 1200, height: 860 };

async function take(page, name) {
  await page.evaluate(() => document.fonts.ready);
  const png = await page.screenshot();
  if (png.length > BYTES_MAX) throw new Error(`${name}: ${png.length} bytes; at most ${BYTES_MAX}`);
  writeFileSync(path.join(FOLDER, `${name}.png`), png);
  console.log(`docs/pictures/${name}.png  ${png.length} bytes`);
}

async function takePortal(person) {
  const sandbox = await Sandbox.start();
  const portal = new Portal(person, sandbox);
  await portal.signIn(ALICE);
  const bruno = await sandbox.makeConnector("Bruno", BRUNO);
  await new Talk(sandbox, await sandbox.exchange(bruno), SALES).say("Good morning! Are the weekly figures out?");
  await new Talk(sandbox, await sandbox.exchange(sandbox.demo), SALES).say("Orders this week: 112, 8 % more than last week");
  await portal.openConversation();
  await take(person.page, "portal");
  await sandbox.stop();
}

const CONFIGURATION = `\
version: 1
name: office
state: state
jobs:
  tasks-to-teams: { script: job.lua, args: { takes: 60 } }
  sheet-to-chat: { script: job.lua, args: { takes: 20 }, retries: { attempts: 2, delay: 1ms } }
  watch: { script: job.lua, args: { takes: 5 } }
`;
const FAST = 300; // so much faster time runs: a run of a minute takes 0.2 s
const SCRIPT = `
local http, jeton, task = require "jeton.http", require "jeton", require "jeton.task"
task.sleep(jeton.args.takes / ${FAST})
local fails = os.getenv "FAILS"
if fails and jeton.job.attempt == 1 then
  error(http.error { kind = fails, message = fails == "auth" and "needs a person" or "503 server error" }, 0)
end
print "done"
`;
// [job, hours of the day, days that fail and of what kind]
const MONTH = [
  ["tasks-to-teams", [8], { 9: "auth" }],
  ["sheet-to-chat", [7, 10, 13, 16], { 5: "network", 17: "http", 18: "http" }],
  ["watch", [6, 12, 18], { 12: "network", 24: "network" }],
];
const LAST_DAY = 26;

function runAt(home, when, args, more = {}) {
  const [library] = readdirSync("/usr/lib").map((name) => `/usr/lib/${name}/faketime/libfaketime.so.1`)
    .filter((file) => spawnSync("test", ["-e", file]).status === 0);
  if (!library) throw new Error("libfaketime is not installed");
  const env = {
    ...process.env, HOME: home.folder, TZ: "UTC", LD_PRELOAD: library, FAKETIME: `@${when} x${FAST}`,
    FAKETIME_DONT_FAKE_MONOTONIC: "1", ...more,
  };
  const done = spawnSync(JETON, args, { cwd: home.folder, env, encoding: "utf-8" });
  if (done.error) throw done.error;
  return done;
}

async function takeHistory(person) {
  const home = new Home();
  for (const [name, text] of [["jeton.yaml", CONFIGURATION], ["job.lua", SCRIPT]]) {
    writeFileSync(path.join(home.folder, name), text, { mode: 0o600 });
  }
  const two = (number) => String(number).padStart(2, "0");
  for (let day = 1; day <= LAST_DAY; day++) {
    for (const hour of Array.from({ length: 24 }, (_, i) => i)) {
      for (const [job, hours, failures] of MONTH) {
        if (!hours.includes(hour)) continue;
        const fails = hour === hours[0] ? failures[day] : undefined;
        const { status, stderr } = runAt(home, `2026-11-${two(day)} ${two(hour)}:00:00`, ["run", "--job", job],
          fails && { FAILS: fails });
        if (status !== 0 && !fails) throw new Error(stderr);
      }
    }
  }
  const file = path.join(home.folder, "runs.html");
  const { status, stderr } = runAt(home, `2026-11-${LAST_DAY} 20:00:00`, ["history", "--limit", "1000", "--html", file]);
  if (status !== 0) throw new Error(stderr);
  await person.page.goto(pathToFileURL(file).href);
  await take(person.page, "history");
  home.remove();
}

mkdirSync(FOLDER, { recursive: true });
const browser = await openBrowser();
const person = await openPerson(browser, { viewport: SIZE });
for (const [name, of] of [["portal", takePortal], ["history", takeHistory]]) {
  if (process.argv[2] === undefined || process.argv[2] === name) await of(person);
}
await browser.close();
