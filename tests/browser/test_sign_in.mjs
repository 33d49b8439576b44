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
const ELSEWHERE = "https://jeton.example.org/signed-in";
const waiting = new Set(); // what a failure leaves
let browser, judge, home;

before(async () => {
  home = new Home();
  browser = await openBrowser(); // each as soon as it is there, so that `after` ends it whatever fails next
  judge = await Judge.start({
    clients: [{
      client_id: CLIENT, token_endpoint_auth_method: "none", application_type: "native",
      grant_types: ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
      redirect_uris: ["http://127.0.0.1/callback", ELSEWHERE], response_types: ["code"], scope: "openid offline_access read",
    }],
  });
  const connector = {
    provider: "oauth2", client_id: CLIENT, client_auth: "none", scope: ["offline_access", "read"],
    issuer: judge.url, authorize_params: { prompt: "consent" },
  };
  writeFileSync(path.join(home.folder, "jeton.yaml"), JSON.stringify({
    version: 1, state: path.join(home.folder, "state"), connectors: { books: connector, others: connector, pasted: { ...connector, redirect_uri: ELSEWHERE } },
  }), { mode: 0o600 });
});
after(async () => {
  waiting.forEach((child) => child.kill());
  await browser?.close();
  await judge?.stop();
  home?.remove();
});

/** `jeton login` while it waits: what it prints first, and how it ends. */
async function login(count, ...args) {
  const child = home.start(["login", ...args]);
  waiting.add(child);
  child.once("exit", () => waiting.delete(child));
  if (!args.includes("--paste")) child.stdin.end();
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
  return { said, end, child };
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
  it("in a browser on this machine", async () => {
    const { said: [url], end } = await login(1, "books", "--browser");
    const asked = new URL(url).searchParams;
    assert.equal(asked.get("code_challenge_method"), "S256"); // without it this judge refuses
    const shown = await person(async (page) => {
      await page.goto(url);
      await signIn(page);
      await page.getByText("You can close this page").waitFor();
      return new URL(page.url());
    });
    const ended = await end;
    assert.equal(ended.status, 0, ended.stderr);
    assert.equal(shown.searchParams.get("iss"), judge.url); // it says who it is, and jeton believed it
    assert.equal(shown.searchParams.get("state"), asked.get("state"));
    const first = await token();
    assert.equal(first.source, "cache");
    await token("--refresh");
    assert.deepEqual((await granted()).slice(-2), ["authorization_code", "refresh_token"]);
  });

  it("and declining", async () => {
    const { said: [url], end } = await login(1, "others", "--browser");
    await person(async (page) => {
      await page.goto(url);
      await page.getByRole("link", { name: "Cancel" }).click();
      await page.getByText("Not signed in").waitFor();
    });
    const ended = await end;
    assert.equal(ended.status, 4, ended.stderr);
    assert.match(ended.stderr, /access_denied/);
  });

  it("in a browser elsewhere, whose last URL is pasted", async () => {
    const { said: [url], end, child } = await login(1, "pasted", "--paste");
    const last = await person(async (page) => {
      const request = page.waitForRequest((asked) => asked.url().startsWith(ELSEWHERE));
      await page.goto(url);
      await signIn(page).catch(() => {}); // it ends at a host that is not there
      return (await request).url();
    });
    child.stdin.end(`${last}\n`);
    const ended = await end;
    assert.equal(ended.status, 0, ended.stderr);
    assert.equal(ended.stderr.includes(new URL(last).searchParams.get("code")), false);
    assert.equal(JSON.parse(await home.ok(["token", "pasted", "--json"])).source, "cache");
  });

  it("by a code that is typed on another device", async () => {
    const { length: before } = await granted();
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
    assert.deepEqual((await granted()).slice(before), ["urn:ietf:params:oauth:grant-type:device_code"]);
    const first = await token();
    assert.equal(first.source, "cache");
    assert.notEqual((await token("--refresh")).access_token, first.access_token);
    await token("--refresh");
    assert.deepEqual((await granted()).slice(before + 1), ["refresh_token", "refresh_token"]);
    assert.match(await home.ok(["logout", "books"]), /is revoked at the service/); // which the issuer tells how
    await judge.act("nothing");
    assert.equal(judge.events.at(-1).event, "grant.revoked");
    assert.match((await home.jeton(["token", "books"])).stderr, /logged out/);
  });
});
