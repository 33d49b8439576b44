// What every page must fulfil: accessible by axe's rules, by keyboard, on a narrow screen.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { axeSource, screenshotFile } from "./place.mjs";

const GRAVE = new Set(["moderate", "serious", "critical"]);

// Screenshots and keys by Chromium's own protocol cost half of what they cost otherwise.
const sessions = new WeakMap();

async function sessionOf(page) {
  if (!sessions.has(page)) sessions.set(page, await page.context().newCDPSession(page));
  return sessions.get(page);
}

/** To be called once for a page, before it is opened: axe-core is in every document of it from then on. */
export async function bringAxe(page) {
  // Not by page.addScriptTag: the page's Content-Security-Policy forbids that, as it should.
  await page.addInitScript(axeSource);
}

// Nothing but the violations is read, and no page has frames or needs its style sheets fetched again.
const LEAN = { resultTypes: ["violations"], selectors: false, elementRef: false, iframes: false, preload: false };

async function findGrave(page, options) {
  const violations = await page.evaluate(async (given) => {
    const { violations: found } = await globalThis.axe.run(document, given);
    return found.map(({ id, impact, help, nodes }) => ({
      id, impact, help, nodes: nodes.slice(0, 5).map((node) => `${node.html} ${node.failureSummary}`),
    }));
  }, { ...LEAN, ...options });
  return violations.filter((violation) => GRAVE.has(violation.impact));
}

/** axe-core finds nothing moderate, serious or critical. After bringAxe. */
export async function checkAccessible(page, what) {
  const grave = await findGrave(page, {});
  assert.deepEqual(grave, [], `${what}: ${JSON.stringify(grave, null, 2)}`);
}

/** The part of checkAccessible that other colours change; after it. */
export async function checkContrast(page, what) {
  const grave = await findGrave(page, { runOnly: { type: "rule", values: ["color-contrast", "link-in-text-block"] } });
  assert.deepEqual(grave, [], `${what}: ${JSON.stringify(grave, null, 2)}`);
}

/** Nothing makes the page wider than the screen. */
export async function checkFits(page, what) {
  const wide = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const parts = [...document.querySelectorAll("body *")]
      .filter((element) => element.getBoundingClientRect().right > width + 1 || element.scrollWidth > width)
      .map((element) => `${element.tagName}.${element.className} ${element.textContent.trim().slice(0, 40)}`);
    return [`${document.documentElement.scrollWidth} in place of ${width}`, ...parts];
  });
  assert.deepEqual(wide, [], `${what}: wider than the screen`);
}

// Runs in the page: notes what must be reached, and describes it. Nothing is written into the page: a
// part that brings itself up to date would take that for news.
function listReachable() {
  const selector = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]";
  const groups = new Set();
  const found = [];
  globalThis.reachable = [];
  for (const element of document.querySelectorAll(selector)) {
    const { width, height } = element.getBoundingClientRect();
    const hidden = getComputedStyle(element).visibility === "hidden" || width === 0 || height === 0
      || !element.checkVisibility(); // in details that are closed
    if (element.disabled || element.tabIndex < 0 || hidden) continue;
    if (element.type === "radio") { // one stop for all of a group
      if (groups.has(element.name)) continue;
      groups.add(element.name);
    }
    globalThis.reachable.push(element);
    found.push(`${element.tagName.toLowerCase()} '${(element.textContent || element.name || "").trim().slice(0, 40)}'`);
  }
  return found;
}

// Runs in the page: from now on notes where the focus goes, and whether one can see it there.
function watchFocus() {
  globalThis.reached = [];
  document.addEventListener("focusin", ({ target }) => {
    const same = (one) => one === target || (one.type === "radio" && target.type === "radio" && one.name === target.name);
    const style = getComputedStyle(target);
    const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
    globalThis.reached.push({
      index: globalThis.reachable.findIndex(same), outlined: outlined || style.boxShadow !== "none", target,
    });
  });
}

// Runs in the page: where the focus went.
function tellFocus() {
  return globalThis.reached.map(({ index, outlined, target }) => ({
    index, outlined, what: target.outerHTML.slice(0, 200),
  }));
}

// Runs in the page: Tab stops at every part of a date, and at the button that opens its calendar.
function countPartsOfDates() {
  const most = { date: 3, "datetime-local": 6 };
  return [...document.querySelectorAll("input")].reduce((sum, { type }) => sum + (most[type] ?? 0), 0);
}

// In one go: the browser keeps the order, and says at the end that all were handled.
async function pressTab(page, times) {
  const session = await sessionOf(page);
  const key = { key: "Tab", code: "Tab", windowsVirtualKeyCode: 9 };
  const sent = [];
  for (let i = 0; i < times; i++) {
    for (const type of ["rawKeyDown", "keyUp"]) sent.push(session.send("Input.dispatchKeyEvent", { type, ...key }));
  }
  await Promise.all(sent);
}

/** Tab reaches every link, button and field, and one sees where one is. */
export async function checkKeyboard(page, what) {
  // A page that is hidden does not bring itself up to date: what is counted stays.
  await page.evaluate(() => Object.defineProperty(document, "hidden", { value: true, configurable: true }));
  const expected = await page.evaluate(listReachable);
  await page.evaluate(() => document.activeElement?.blur());
  await page.evaluate(watchFocus);
  const more = await page.evaluate(countPartsOfDates);
  await pressTab(page, expected.length + more + 3);
  const went = (await page.evaluate(tellFocus)).filter(({ index }) => index >= 0);
  const reached = new Set(went.map(({ index }) => index));
  assert.deepEqual(expected.filter((_, index) => !reached.has(index)), [], `${what}: not reached by Tab`);
  assert.deepEqual(went.filter(({ outlined }) => !outlined), [], `${what}: the focus is not visible`);
}

/** A screenshot of the whole page, which stays in the build folder. */
export async function keep(page, name) {
  const session = await sessionOf(page);
  await page.evaluate(() => document.fonts.ready);
  const { cssContentSize: { width, height } } = await session.send("Page.getLayoutMetrics");
  const { data } = await session.send("Page.captureScreenshot", {
    captureBeyondViewport: true, optimizeForSpeed: true, clip: { x: 0, y: 0, width, height, scale: 1 },
  });
  writeFileSync(screenshotFile(name), Buffer.from(data, "base64"));
}
