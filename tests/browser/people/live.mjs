// What appears on a page that is open, without a reload.
import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { useFixture } from "../lib/fixture.mjs";
import { ALICE } from "../lib/portal.mjs";

const fixture = useFixture();

describe("without a reload", () => {
  beforeEach(() => fixture.sandbox.steer("reset", {}));

  it("traffic, with secrets masked", () => fixture.as({}, async (portal) => {
    const { page, sandbox, words } = portal;
    const have = await sandbox.makeConnector("Watched", ALICE);
    await portal.signIn(ALICE);
    await portal.menu(words.traffic);
    await portal.heading(words.traffic).waitFor();
    await page.evaluate(() => { globalThis.sameDocument = true; });
    const accessToken = await sandbox.exchange(have);
    await sandbox.api("GET", "users/me", { accessToken });
    await page.getByRole("link", { name: "/v1/users/me" }).waitFor();
    assert.equal(await page.evaluate(() => globalThis.sameDocument), true);
    await page.getByRole("link", { name: "/v1/accessToken" }).click();
    await page.getByText(words.arrived).waitFor();
    const shown = await page.content();
    assert.ok(shown.includes(have.id));
    for (const secret of [have.secret, have.refreshToken, accessToken]) assert.ok(!shown.includes(secret));
  }));

  it("the PIN, in the SMS inbox", () => fixture.as({ language: "fr" }, async (portal) => {
    const { page, words } = portal;
    await portal.signIn(ALICE);
    const phone = await page.context().newPage();
    await phone.goto(`${fixture.sandbox.url}/portal/sms`);
    assert.equal(await phone.getByText(ALICE.phone).count(), 0);
    await portal.askForPin(ALICE.phone);
    await phone.bringToFront(); // a page in the background waits
    const sms = phone.getByRole("main").getByRole("listitem").filter({ hasText: ALICE.phone });
    const [pin] = /\b\d{6}\b/.exec(await sms.innerText());
    await page.bringToFront();
    await portal.enterPin(pin);
    await portal.heading(words.connectors).waitFor();
  }));
});
