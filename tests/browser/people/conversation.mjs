// A group's conversation: what scripts post appears while people type, what people answer is read by scripts.
import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { WIDE } from "../lib/browser.mjs";
import { useFixture } from "../lib/fixture.mjs";
import { ALICE, lines, SALES } from "../lib/portal.mjs";
import { Talk } from "../lib/said.mjs";

const fixture = useFixture();
const TELEPHONE = { width: 375, height: 667 };

const READ_ANSWERS = `
local kaizala = require "kaizala"
local group, action = ...
local poll = kaizala.connect():group(group):action(action):details()
for _, response in ipairs(poll.responses) do
  print(response.responder_name, response.answers["Tea?"])
end
`;
const POLL = { question: "Tea?", choices: [{ title: "Green" }, { title: "Black" }] };

// With the demo tenant's own connector: what it can do, walk.mjs obtains by hand.
async function begin(portal) {
  await portal.signIn(ALICE);
  return new Talk(fixture.sandbox, await fixture.sandbox.exchange(fixture.sandbox.demo), SALES);
}

describe("a conversation", () => {
  beforeEach(() => fixture.sandbox.steer("reset", {}));

  it("shows what a script posts, and loses nothing of what somebody types", () => fixture.as({}, async (portal) => {
    const { page, words } = portal;
    const talk = await begin(portal);
    const first = await talk.say("The first one");
    const poll = await talk.act("Poll", POLL);
    await portal.openConversation();
    await page.evaluate(() => { globalThis.sameDocument = true; });

    // Somebody writes a comment, has chosen an answer, and goes on to write a message.
    await portal.item(first).getByText(words.comment, { exact: true }).click();
    await portal.item(first).getByLabel(words.yourComment).fill("Half a comm");
    await portal.item(poll).getByLabel("Black").check();
    await portal.field(words.message).pressSequentially("Half a mess");

    const later = await talk.say("Straight from a script");
    await portal.item(later).getByText("Straight from a script").waitFor();
    await talk.comment(later.referenceId, "And a comment");
    await portal.item(later).getByText("And a comment").waitFor();

    assert.equal(await page.evaluate(() => globalThis.sameDocument), true);
    assert.equal(await portal.item(first).getByLabel(words.yourComment).inputValue(), "Half a comm");
    assert.equal(await portal.item(poll).getByLabel("Black").isChecked(), true);
    assert.equal(await portal.field(words.message).inputValue(), "Half a mess");
    assert.equal(await portal.field(words.message).evaluate((field) => field === document.activeElement), true);
    assert.equal(await page.getByText("Straight from a script").count(), 1);
    const order = await page.locator("article").evaluateAll((parts) => parts.map((part) => part.id));
    assert.deepEqual(order, [first, poll, later].map(({ referenceId }) => `item-${referenceId}`));
  }));

  // In French without JavaScript: the pages need none.
  for (const language of ["en", "fr"]) {
    it(`takes an answer that a script reads (${language})`, () => fixture.as({
      language, scripts: language === "en",
    }, async (portal) => {
      const { page, words } = portal;
      const talk = await begin(portal);
      const service = ["--token-service", `${fixture.sandbox.url}/v1`];
      await fixture.home.ok(["connector", "add", "answers", ...service, "--force"], lines(fixture.sandbox.demo));
      const poll = await talk.act("Poll", POLL);

      await portal.menu(words.groups);
      await portal.link("Sales").click();
      await portal.field(words.seeAs).selectOption("Bruno Keller");
      await portal.button(words.switchPerson).click();
      await portal.item(poll).getByLabel("Black").check();
      await portal.item(poll).getByRole("button", { name: words.vote }).click();
      await portal.item(poll).getByText("100").waitFor();
      assert.ok(page.url().includes("as="));

      const read = await fixture.home.ok(["run", "-C", "answers", "-", SALES, poll.actionId], READ_ANSWERS);
      assert.equal(read, "Bruno Keller\tBlack\n");
    }));
  }

  it("is what one sees first, on a telephone and at a desk", () => fixture.as({}, async (portal) => {
    const { page } = portal;
    const talk = await begin(portal);
    for (let i = 0; i < 6; i++) await talk.say(`Message ${i}`);
    const top = async (where) => (await where.boundingBox()).y;
    await page.setViewportSize(TELEPHONE);
    await portal.openConversation();
    assert.ok(await top(page.locator(".pane")) <= TELEPHONE.height / 3, "it begins in the upper third");
    // Paper is light, whatever the screen, and has nothing to press.
    await page.emulateMedia({ media: "print", colorScheme: "dark" });
    assert.equal(await page.getByRole("button").count(), 0);
    assert.equal(await page.getByText("Message 5").isVisible(), true);
    assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue("--card")), "#ffffff");
    await page.emulateMedia({ media: null, colorScheme: "light" });
    await page.setViewportSize(WIDE);
    const { y, height } = await page.locator(".composer button").boundingBox();
    assert.ok(y + height <= WIDE.height, "one can send without scrolling");
    await portal.menu(portal.words.groups);
    await portal.link("Sales").click(); // the first tab
    await portal.field(portal.words.message).waitFor();
  }));

  it("has the newest in sight, and goes back to older ones by keyboard", () => fixture.as({}, async (portal) => {
    const { page } = portal;
    const talk = await begin(portal);
    const first = await talk.say("Message 0");
    for (let i = 1; i < 20; i++) await talk.say(`Message ${i}`);
    await portal.openConversation();
    const later = await talk.say("The newest");
    await portal.item(later).waitFor();
    await page.waitForFunction((id) => {
      const pane = document.querySelector(".pane").getBoundingClientRect();
      const item = document.getElementById(id).getBoundingClientRect();
      return item.bottom <= pane.bottom + 1 && item.bottom > pane.top;
    }, `item-${later.referenceId}`);
    assert.equal(await portal.item(first).count(), 0);
    await portal.link("Older").focus();
    await page.keyboard.press("Enter");
    await portal.item(first).waitFor();
  }));
});
