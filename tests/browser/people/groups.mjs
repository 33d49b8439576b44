// Groups, as a person makes and fills them, and a token that reaches one of them only.
import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { useFixture } from "../lib/fixture.mjs";
import { ALICE, BRUNO, lines } from "../lib/portal.mjs";

const fixture = useFixture();

describe("a group", () => {
  beforeEach(() => fixture.sandbox.steer("reset", {}));

  it("has a token of its own", () => fixture.as({ language: "fr" }, async (portal) => {
    const { page, words } = portal;
    const name = '"><img src=x onerror=alert(1)> & « Ventes »';
    const have = await fixture.sandbox.makeConnector("Ventes", ALICE);
    await portal.signIn(ALICE);
    await portal.addPhone(ALICE);

    await portal.menu(words.groups);
    await portal.link(words.newGroup).click();
    await portal.field(words.name).fill(name);
    await portal.button(words.createGroup).click();
    await portal.heading(name).waitFor();
    assert.equal(await page.locator("main img").count(), 0);

    await portal.link(words.connectors).click();
    have.refreshToken = await portal.addToGroup(have.name);
    const command = await portal.command();
    await fixture.home.ok([...command, "--force"], lines(have));
    const { groups } = JSON.parse(await fixture.home.ok(["api", "-C", command[2], "groups"]));
    assert.deepEqual(groups.map((group) => group.groupName), [name]);
  }));

  it("has members, with roles", () => fixture.as({}, async (portal) => {
    const { page, words } = portal;
    await portal.signIn(ALICE);
    await portal.menu(words.groups);
    await portal.link(words.newGroup).click();
    await portal.field(words.name).fill("Launch");
    await portal.button(words.createGroup).click();
    await portal.field(words.subgroupName).fill("Launch crew");
    await portal.button(words.createSubgroup).click();
    await portal.link("Launch crew").waitFor();

    await portal.link(words.members).click();
    await portal.field(words.phones).fill(`${BRUNO.phone}\n+33 1 99 99 99 99`);
    await portal.button(words.addMembers).click();
    const bruno = page.getByRole("row").filter({ hasText: "Bruno Keller" });
    await bruno.getByRole("button", { name: words.makeAdmin }).click();
    await bruno.getByRole("button", { name: words.makeMember }).waitFor();
    await bruno.getByRole("link", { name: words.remove }).click();
    await page.getByText("Bruno Keller will no longer get").waitFor(); // it asks
    await portal.button(words.removeFromGroup).click();
    await page.getByText("Bruno Keller was removed from Launch").waitFor();
    await bruno.waitFor({ state: "detached" });
    assert.equal(await page.getByRole("row").filter({ hasText: "+33199999999" }).count(), 1);
  }));
});
