// Webhooks: an example of each event, and what came of deliveries.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { useFixture } from "../lib/fixture.mjs";
import { ALICE, SALES } from "../lib/portal.mjs";
import { Receiver } from "../lib/receiver.mjs";

const fixture = useFixture();
const SECRETS = { token: "ab12-cd34-ef56", header: "gh78-ij90-kl12" };
const QUESTIONS = "actionId groupId title questions";
const ANSWERS = "actionId actionPackageId packageId groupId sourceGroupId responseId isUpdateResponse responder responderId creatorId "
  + "responderName responderProfilePic isAnonymous responseDetails Properties";
const MEMBER = "member memberId memberName type memberProfilePic";
// What is documented of each type's data.
const DATA = {
  ActionCreated: QUESTIONS, ActionResponse: ANSWERS, SurveyCreated: QUESTIONS, SurveyResponse: ANSWERS,
  JobCreated: "title assignedTo dueDate actionId groupId", JobResponse: "actionId groupId responseId responseDetails",
  PollCreated: QUESTIONS, PollResponse: ANSWERS, LetsMeetCreated: QUESTIONS, LetsMeetResponse: ANSWERS, TextMessageCreated: "text",
  AttachmentCreated: "media actionType caption", Announcement: "title text media", MemberAdded: MEMBER, MemberRemoved: MEMBER,
  GroupAdded: "groupId groupName", GroupRemoved: "groupId groupName",
};
const TYPES = Object.keys(DATA);

async function subscribe(receiver, eventTypes) {
  const connector = await fixture.sandbox.makeConnector("Watcher", ALICE);
  await receiver.subscribe(fixture.sandbox, connector, {
    objectId: SALES, eventTypes, callBackToken: SECRETS.token, callBackHeaders: { "X-Key": SECRETS.header },
  });
}

async function showsNoSecret(page) {
  const shown = await page.content();
  for (const secret of Object.values(SECRETS)) assert.ok(!shown.includes(secret));
}

describe("webhooks", () => {
  let receiver, status;
  beforeEach(async () => {
    await fixture.sandbox.steer("reset", {});
    status = 200;
    // It repeats what it is told as its secrets.
    receiver = await Receiver.start(({ headers }) => ({
      status, body: `<b>seen</b>: ${headers["kz-callback-token"]}, ${headers["x-key"]}`,
    }));
  });
  afterEach(() => receiver.close());

  it("an example of each event is told", () => fixture.as({}, async (portal) => {
    const { page, words } = portal;
    await portal.signIn(ALICE);
    await portal.addPhone(ALICE);
    await portal.menu(words.webhooks);
    await page.getByText(words.noWebhooks).waitFor();
    await subscribe(receiver, TYPES);
    await portal.menu(words.webhooks);
    for (const type of TYPES) { // whoever has told one is back on that page
      await portal.field(words.event).selectOption(type);
      await portal.button(words.showExample).click();
      const data = JSON.parse(await portal.field(words.data).inputValue());
      await portal.button(words.tell).click();
      await page.getByText(`${type}: 1 ${words.delivery}`).waitFor();
      const { headers, body } = await receiver.next();
      assert.deepEqual([body.eventType, body.data, headers["kz-callback-token"]], [type, data, SECRETS.token]);
      assert.deepEqual(DATA[type].split(" ").filter((field) => !(field in body.data)), [], type);
    }
    assert.deepEqual(await portal.field(words.event).locator("option").allInnerTexts(), TYPES);
  }));

  it("deliveries: attempts with their replies, masked; sent again", () => fixture.as({ language: "fr" }, async (portal) => {
    const { page, words } = portal;
    await portal.signIn(ALICE);
    await portal.addPhone(ALICE);
    await subscribe(receiver, ["TextMessageCreated"]);
    status = 503;
    await fixture.sandbox.steer("trigger", { event: "TextMessageCreated", group: SALES, data: { text: `<i>${SECRETS.token}</i>` } });
    await receiver.next();
    await portal.menu(words.webhooks); // it is loaded again by itself
    await page.getByText("503", { exact: true }).waitFor();
    await page.getByRole("link", { name: "TextMessageCreated", exact: true }).click();
    await page.getByText(words.waiting, { exact: true }).waitFor();
    const attempts = page.getByRole("region", { name: words.attempts, exact: true });
    assert.match(await attempts.getByRole("row").last().innerText(), /^1\s[^]*503\s+<b>seen<\/b>: \*\*\*, \*\*\*$/);
    await page.getByText("<i>***</i>").waitFor();
    await showsNoSecret(page);
    await fixture.sandbox.steer("clock", { advance_s: 120 });
    await receiver.next(); // the second attempt, which is noted when its reply is there
    while (await attempts.getByRole("row").count() < 3) await page.reload();

    status = 204;
    await portal.button(words.sendAgain).click();
    await page.getByText(words.sentAgain).waitFor();
    await page.getByText(words.noAttempts).waitFor(); // the first delivery is before it
    await fixture.sandbox.steer("clock", { advance_s: 480 });
    const [first, second] = [await receiver.next(), await receiver.next()];
    assert.deepEqual([first.body.data.text, second.body], [`<i>${SECRETS.token}</i>`, first.body]);
    await portal.menu(words.webhooks);
    await page.getByText("204", { exact: true }).nth(1).waitFor();
    await showsNoSecret(page);
  }));
});
