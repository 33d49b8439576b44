// `jeton login` at an OAuth 2.0 service that others wrote, with a person at a real browser.
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { openBrowser } from "./lib/browser.mjs";
import { Judge } from "./lib/judge.mjs";
import { Home } from "./lib/sandbox.mjs";

const CLIENT = "client-of-the-test";
let browser, judge, home;

before(async () => {
  home = new Home();
  [browser, judge] = await Promise.all([openBrowser(), Judge.start({
    clients: [{
      client_id: CLIENT, token_endpoint_auth_method: "none", application_type: "native",
      grant_types: ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
      redirect_uris: ["http://127.0.0.1/callback"], response_types: ["code"], scope: "openid offline_access read",
    }],
  })]);
  const connector = {
    provider: "oauth2", client_id: CLIENT, client_auth: "none", scope: ["offline_access", "read"],
    token_url: `${judge.url}/token`, device_url: `${judge.url}/device/auth`, authorize_url: `${judge.url}/auth`,
    revoke_url: `${judge.url}/token/revocation`, authorize_params: { prompt: "consent" },
  };
  writeFileSync(path.join(home.folder, "jeton.yaml"), JSON.stringify({
    version: 1, state: path.join(home.folder, "state"), connectors: { books: connector, others: connector },
  }), { mode: 0o600 });
});
after(async () => {
  await browser?.close();
  await judge?.stop();
  home?.remove();
});

/** `jeton login` while it waits: what it prints first, and how it ends. */
async function login(count, ...args) {
  const child = home.start(["login", ...args]);
  child.stdin.end();
  const errors = [];
  child.stderr.on("data", (data) => errors.push(data));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const said = [];
  while (said.length < count) {
    const { value, done } = await lines.next();
    if (done) {
      await once(child, "close");
      throw new Error(`jeton login has ended: ${Buffer.concat(errors)}`);
    }
    said.push(value);
  }
  const end = once(child, "close").then(([status]) => ({ status, stderr: Buffer.concat(errors).toString() }));
  return { said, end };
}

/** A person who is at none of the service's pages yet. */
async function person(use) {
  const context = await browser.newContext();
  const page = await context.newPage();
  try {
    return await use(page);
  } finally {
    await context.close();
  }
}

async function signIn(page) {
  await page.locator("[name=login]").fill("alice");
  await page.locator("[name=password]").fill("of alice");
  await page.getByRole("button", { name: "Sign-in" }).click();
  await page.getByRole("button", { name: "Continue" }).click(); // that the client may
}

async function granted() {
  await judge.act("nothing");
  return judge.events.filter(({ event }) => event === "grant.success").map(({ grant }) => grant);
}

async function token(...args) {
  return JSON.parse(await home.ok(["token", "books", "--json", "--show", ...args]));
}

describe("signing in", () => {
  it("by a code that is typed on another device", async () => {
    const [good, other] = await Promise.all([login(2, "books", "--device"), login(2, "others", "--device")]);
    const type = (page, { said: [url, code] }) => page.goto(url)
      .then(() => page.locator("[name=user_code]").fill(code))
      .then(() => page.locator("[type=submit]").first().click());
    await Promise.all([
      person(async (page) => {
        await type(page, good);
        await page.getByRole("button", { name: "Continue" }).click(); // that it is the code on the device
        await signIn(page);
        await page.getByRole("heading", { name: "Sign-in Success" }).waitFor();
      }),
      person(async (page) => {
        await type(page, other);
        await page.getByRole("button", { name: "Abort" }).click();
      }),
    ]);
    const [ended, refused] = await Promise.all([good.end, other.end]);
    assert.equal(ended.status, 0, ended.stderr);
    assert.equal(refused.status, 4, refused.stderr);
    assert.match(refused.stderr, /access_denied/);
    assert.deepEqual(await granted(), ["urn:ietf:params:oauth:grant-type:device_code"]);
    const first = await token();
    assert.equal(first.source, "cache");
    assert.notEqual((await token("--refresh")).access_token, first.access_token);
    await token("--refresh");
    assert.deepEqual((await granted()).slice(1), ["refresh_token", "refresh_token"]);
  });
});
