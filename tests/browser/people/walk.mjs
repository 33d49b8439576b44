// The four steps, as a person does them, in both languages; and what ends a token.
import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { useFixture } from "../lib/fixture.mjs";
import { ALICE, BRUNO, lines, PERMISSIONS } from "../lib/portal.mjs";

const fixture = useFixture();

async function exchange(name, ...more) {
  return JSON.parse(await fixture.home.ok(["token", name, "--json", ...more]));
}

describe("the four steps", () => {
  beforeEach(() => fixture.sandbox.steer("reset", {}));

  // In French without JavaScript: the pages need none.
  for (const language of ["en", "fr"]) {
    it(`in ${language}`, () => fixture.as({ language, scripts: language === "en" }, async (portal) => {
      const { page, words } = portal;
      // 1. Register a connector.
      await portal.signIn(ALICE);
      await portal.addPhone(ALICE);
      await portal.menu(words.connectors);
      await portal.link(words.addConnector).click();
      await portal.field(words.name).fill("Morning report");
      await portal.field(words.description).fill("What happened <b>last night</b>");
      await portal.field(words.redirectUrl).fill("http://127.0.0.1:8999/done");
      await portal.button(words.continue).click();
      assert.equal(await page.getByRole("checkbox").count(), PERMISSIONS);
      for (const box of await page.getByRole("checkbox").all()) await box.check();
      await portal.button(words.createConnector).click();
      const id = await portal.field(words.connectorId).inputValue();
      const secret = await portal.field(words.secret).inputValue();
      assert.match(id, /^[0-9a-f-]{36}$/);
      assert.match(secret, /^[A-Z0-9]{10}$/);
      assert.equal(await page.getByText("What happened <b>last night</b>").count(), 1);

      // 2. Grant it access.
      const refreshToken = await portal.generateToken();
      assert.ok(!page.url().includes(refreshToken) && !page.url().includes(secret));
      await page.getByText(words.wholeTenant).waitFor();

      // 3. Hand it over, with the command as the page shows it.
      const command = await portal.command();
      const name = command[2];
      assert.deepEqual(command, ["connector", "add", name, "--token-service", `${fixture.sandbox.url}/v1`]);
      const added = await fixture.home.ok([...command, "--force"], lines({ id, secret, refreshToken }));
      assert.match(added, /morning-report/);

      // 4. Exchange it: by jeton, and by the page.
      const token = await exchange(name, "--refresh");
      assert.equal(token.source, "exchange");
      assert.equal(token.endpoint_url, fixture.sandbox.url);
      assert.ok(Date.parse(token.expires_at) > Date.now());
      assert.match(await fixture.home.ok(["api", "-C", name, "groups"]), /Sales/);
      await portal.field(words.secret).fill(secret);
      await portal.button(words.tryIt).click();
      await page.getByText(words.replyWorked).waitFor();
      assert.match(await page.getByRole("timer").innerText(), /^2[34]:\d\d:\d\d$/);
      assert.ok(!(await page.content()).includes(secret));
    }));
  }
});

describe("what is shown once", () => {
  beforeEach(() => fixture.sandbox.steer("reset", {}));

  it("can be copied, and is gone when the page is opened again", () => fixture.as({}, async (portal, { context }) => {
    const { page, words } = portal;
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const { secret, refreshToken } = await portal.obtain(ALICE, "Once");
    await portal.button(`${words.copy}: ${words.refreshToken}`).click();
    await page.getByRole("status").getByText(words.copied).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), refreshToken);
    // From the browser's memory of pages that were left, as Back brings it: it is not shown from there.
    await Promise.all([
      page.waitForEvent("load"),
      page.evaluate(() => { dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })); }),
    ]);
    await portal.field(words.refreshToken).waitFor({ state: "detached" });
    assert.ok(!(await page.content()).includes(refreshToken));
    await portal.openConnector("Once");
    await page.goBack();
    assert.ok(!(await page.content()).includes(refreshToken));
    await portal.openConnector("Once");
    assert.ok(!(await page.content()).includes(secret));
    assert.ok(!(await page.content()).includes(refreshToken));
  }));
});

describe("what ends a token", () => {
  beforeEach(() => fixture.sandbox.steer("reset", {}));

  async function refused(...args) {
    const done = await fixture.home.jeton(args);
    assert.equal(done.status, 4, done.stdout + done.stderr);
  }

  it("a new one, a new secret, the deletion of the connector", () => fixture.as({}, async (portal) => {
    const { page, words } = portal;
    const have = await portal.obtain(ALICE, "Ended");
    const command = [...(await portal.command()), "--force"];
    const add = () => fixture.home.ok(command, lines(have));
    await add();

    await portal.openConnector("Ended");
    await page.getByText(words.tokenReplaces).waitFor();
    have.refreshToken = await portal.generateToken();
    await refused("token", "ended", "--refresh");
    await add();

    await portal.openConnector("Ended");
    await portal.link(words.regenerate).click();
    await portal.button(words.regenerate).click();
    have.secret = await portal.field(words.secret).inputValue();
    await refused("token", "ended", "--refresh");
    have.refreshToken = await portal.generateToken();
    await add();

    // Access tokens too.
    await fixture.home.ok(["api", "-C", "ended", "users/me"]);
    await portal.openConnector("Ended");
    await portal.link(words.deleteConnector).click();
    await portal.button(words.deleteConnector).click();
    await page.getByText(words.deleted).waitFor();
    await refused("api", "-C", "ended", "users/me");
    await refused("token", "ended", "--refresh");
  }));
});

describe("people", () => {
  beforeEach(() => fixture.sandbox.steer("reset", {}));

  it("get tokens with their own reach", () => fixture.as({ language: "fr" }, async (portal) => {
    const have = await portal.obtain(BRUNO, "À moi");
    const command = await portal.command();
    await fixture.home.ok([...command, "--force"], lines(have));
    const me = JSON.parse(await fixture.home.ok(["api", "-C", command[2], "users/me"]));
    assert.equal(me.mobileNumber, BRUNO.phone);
  }));

  it("keep their language, and a session that is theirs alone", () => fixture.as({}, async (portal, { context }) => {
    const { page } = portal;
    await portal.open();
    await portal.button("Français").click();
    assert.equal(await page.locator("html").getAttribute("lang"), "fr");
    await portal.open();
    assert.equal(await page.locator("html").getAttribute("lang"), "fr");
    await portal.button("English").click();
    await portal.signIn(ALICE);
    assert.equal(await page.locator("html").getAttribute("lang"), "en");
    for (const cookie of await context.cookies()) {
      assert.deepEqual([cookie.httpOnly, cookie.sameSite], [true, "Strict"], cookie.name);
    }
    await portal.button(portal.words.signOut).click();
    await portal.open("/portal/connectors");
    await portal.heading(portal.words.signIn).waitFor();
  }));
});
