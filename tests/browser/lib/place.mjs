// Where things are: given by ctest (tests/browser/CMakeLists.txt).
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

function need(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run these tests by ctest -R browser, or ./dev test`);
  return value;
}

export const JETON = need("JETON");
export const SOURCE = need("JETON_SOURCE");
export const CHROMIUM = need("JETON_CHROMIUM");
const require = createRequire(path.join(need("JETON_BROWSER"), "package.json"));

export const { chromium } = require("playwright-core");
export const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf-8");

const screenshots = path.join(need("JETON_BUILD"), "tests", "screenshots");

/** The file of a screenshot: in the build folder, kept. */
export function screenshotFile(name) {
  mkdirSync(screenshots, { recursive: true });
  return path.join(screenshots, `${name}.png`);
}
