// The pages that are looked at: screenshots, accessibility, keyboard. One row a page:
//   name      of its screenshots
//   open      brings the page up: gets the Portal, and what was prepared: a connector of Alice, who is signed in
//   guest     true: who has not signed in sees it
import { ALICE, SALES } from "./lib/portal.mjs";
import { Receiver } from "./lib/receiver.mjs";

const REDIRECT = "http://127.0.0.1:8999/done";
const DEMO = "2ab9b820-1d7f-4e6a-b3c4-5f8e9d0a7b16"; // the demo tenant's own connector
const NEWS = "c9a7e0d4-2b8f-4f3e-b1d6-9e4a7c5d8f03@1"; // a public group, which has subscribers
const WRONG_PIN = "000000"; // none begins with a zero

// Longer than any screen, and from right to left.
const LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft";
const ARABIC = "مرحبا بالعالم (123)";

async function openOauth(portal, values) {
  await portal.open(`/api/Oauth/Authorize?${new URLSearchParams(values)}`);
}

const OAUTH = { client_id: DEMO, redirect_uri: REDIRECT, response_type: "code", state: "x" };

async function askForPin(portal) {
  await portal.open("/portal/phone?other=yes");
  await portal.askForPin(ALICE.phone);
}

async function exchange(portal, { id }, secret, refreshToken) {
  await portal.open(`/portal/connectors/${id}/exchange`);
  await portal.field(portal.words.secret).fill(secret);
  await portal.field(portal.words.refreshToken).fill(refreshToken);
  await portal.button(portal.words.tryIt).click();
}

export const pages = [
  { name: "sign-in", guest: true, open: (portal) => portal.open() },
  {
    name: "sign-in-unknown", guest: true,
    async open(portal) {
      await portal.open();
      await portal.field(portal.words.email).fill("nobody@contoso.example");
      await portal.button(portal.words.signIn).click();
      await portal.page.getByRole("alert").first().waitFor();
    },
  },
  { name: "home", open: (portal) => portal.open() },
  { name: "phone", open: (portal) => portal.open("/portal/phone?other=yes") },
  { name: "phone-pin", open: askForPin },
  {
    name: "phone-pin-wrong",
    async open(portal) {
      await askForPin(portal);
      await portal.enterPin(WRONG_PIN);
      await portal.page.getByRole("alert").first().waitFor();
    },
  },
  { name: "sms", open: (portal) => portal.open("/portal/sms") },
  { name: "connectors", open: (portal) => portal.open("/portal/connectors") },
  { name: "connector-new", open: (portal) => portal.open("/portal/connectors/new") },
  {
    name: "connector-new-wrong",
    async open(portal) {
      await portal.open("/portal/connectors/new");
      await portal.field(portal.words.name).fill("");
      await portal.field(portal.words.redirectUrl).fill("ftp://example.org/");
      await portal.button(portal.words.continue).click();
      await portal.page.getByRole("alert").first().waitFor();
    },
  },
  {
    name: "connector-new-permissions",
    async open(portal) {
      await portal.open("/portal/connectors/new");
      await portal.field(portal.words.name).fill("A connector with a rather long name that says what it is for");
      await portal.button(portal.words.continue).click();
      await portal.button(portal.words.createConnector).waitFor();
    },
  },
  { name: "connector-created", open: (portal) => portal.addConnector("Evening report") },
  { name: "connector", open: (portal, { name }) => portal.openConnector(name) },
  {
    name: "refresh-token",
    async open(portal, prepared) {
      await portal.openConnector(prepared.name);
      prepared.refreshToken = await portal.generateToken();
    },
  },
  { name: "refresh-token-gone", open: (portal, { id }) => portal.open(`/portal/connectors/${id}/token`) },
  { name: "exchange", open: (portal, { id }) => portal.open(`/portal/connectors/${id}/exchange`) },
  {
    name: "exchange-worked",
    async open(portal, prepared) {
      await exchange(portal, prepared, prepared.secret, prepared.refreshToken);
      await portal.page.getByText(portal.words.replyWorked).waitFor();
    },
  },
  {
    name: "exchange-refused",
    async open(portal, prepared) {
      await exchange(portal, prepared, "WRONGSECRET", prepared.refreshToken);
      await portal.page.getByText(portal.words.replyRefused).waitFor();
    },
  },
  {
    name: "connector-long",
    async open(portal) {
      const { id } = await portal.sandbox.steer("connectors", {
        name: LONG, owner: ALICE.phone, description: LONG.repeat(2), tokens: [{ user: ALICE.phone }],
      });
      await portal.open(`/portal/connectors/${id}`);
    },
  },
  { name: "connectors-long", open: (portal) => portal.open("/portal/connectors") },
  { name: "connector-secret", open: (portal, { id }) => portal.open(`/portal/connectors/${id}/secret`) },
  { name: "connector-edit", open: (portal, { id }) => portal.open(`/portal/connectors/${id}/edit`) },
  { name: "connector-delete", open: (portal, { id }) => portal.open(`/portal/connectors/${id}/delete`) },
  { name: "groups", open: (portal) => portal.open("/portal/groups") },
  { name: "groups-search", open: (portal) => portal.open("/portal/groups?query=north") },
  { name: "group-new", open: (portal) => portal.open("/portal/groups/new") },
  { name: "group", open: (portal) => portal.open(`/portal/groups/${SALES}`) },
  { name: "group-members", open: (portal) => portal.open(`/portal/groups/${SALES}/members`) },
  {
    name: "group-member-remove",
    async open(portal) {
      await portal.open(`/portal/groups/${SALES}/members`);
      await portal.page.getByRole("main").getByRole("link", { name: portal.words.remove }).last().click();
      await portal.button(portal.words.removeFromGroup).waitFor();
    },
  },
  {
    name: "group-members-wrong",
    async open(portal) {
      await portal.open(`/portal/groups/${SALES}/members`);
      await portal.field(portal.words.phones).fill("0100000002");
      await portal.button(portal.words.addMembers).click();
      await portal.page.getByRole("alert").first().waitFor();
    },
  },
  { name: "group-subscribers", open: (portal) => portal.open(`/portal/groups/${NEWS}/subscribers`) },
  { name: "group-connectors", open: (portal) => portal.open(`/portal/groups/${SALES}/connectors`) },
  {
    name: "group-token",
    async open(portal, { name }) {
      await portal.open(`/portal/groups/${SALES}/connectors`);
      await portal.addToGroup(name);
    },
  },
  { name: "conversation-empty", open: (portal) => portal.open(`/portal/groups/${NEWS}/conversation`) },
  { name: "conversation", open: (portal) => portal.open(`/portal/groups/${SALES}/conversation`) },
  { name: "conversation-poll", open: (portal, { said }) => portal.openItem(said.poll) },
  {
    name: "conversation-raw",
    async open(portal, { said }) {
      await portal.openItem(said.job);
      await portal.page.locator(".raw summary").click();
    },
  },
  { name: "conversation-job", open: (portal, { said }) => portal.openItem(said.job) },
  { name: "conversation-survey", open: (portal, { said }) => portal.openItem(said.survey) },
  {
    name: "conversation-survey-wrong",
    async open(portal, { said }) {
      await portal.openItem(said.survey);
      await portal.field("Marks out of ten").fill("many");
      await portal.button(portal.words.changeAnswer).click();
      await portal.page.getByRole("alert").first().waitFor();
    },
  },
  {
    name: "conversation-long",
    async open(portal, { talk }) {
      await talk.say(LONG.repeat(3));
      await talk.say(ARABIC);
      await talk.act("Poll", { question: LONG, choices: [{ title: LONG }, { title: ARABIC }] });
      await talk.act("Job", { title: LONG, assignedTo: [ALICE.phone] });
      await portal.openConversation();
    },
  },
  { name: "traffic", open: (portal) => portal.open("/portal/traffic") },
  {
    name: "traffic-request",
    async open(portal) {
      await portal.open("/portal/traffic");
      await portal.page.getByRole("link", { name: "POST" }).first().click();
      await portal.page.getByText(portal.words.arrived).waitFor();
    },
  },
  {
    name: "control",
    async open(portal) {
      await portal.sandbox.steer("faults", [{ match: { path: "/groups/none/messages" }, status: 503, delay_ms: 1500 }]);
      await portal.open("/portal/sandbox");
    },
  },
  { name: "control-reset", open: (portal) => portal.open("/portal/sandbox/reset") },
  { name: "people", open: (portal) => portal.open("/portal/people") },
  {
    name: "person-edit",
    async open(portal) {
      await portal.open("/portal/people");
      await portal.page.getByRole("main").getByRole("link", { name: "Bruno" }).first().click();
      await portal.field(portal.words.name).waitFor();
    },
  },
  { name: "webhooks", open: (portal) => portal.open("/portal/webhooks") },
  {
    name: "webhook-example",
    async open(portal, prepared) {
      const receiver = await Receiver.start(() => ({ status: 503, body: "<h1>No, not now</h1>\n".repeat(40) }));
      prepared.webhook = await receiver.subscribe(portal.sandbox, prepared, {
        objectId: SALES, eventTypes: ["SurveyCreated", "SurveyResponse"], callBackHeaders: { "X-Key": "x" },
      });
      await portal.open(`/portal/webhooks/example?webhook=${prepared.webhook}&event=SurveyResponse`);
      await portal.button(portal.words.tell).waitFor();
    },
  },
  {
    name: "webhook-delivery",
    async open(portal, { id, webhook }) {
      await portal.button(portal.words.tell).click();
      await portal.open(`/portal/connectors/${id}/webhooks/${webhook}`);
      await portal.page.getByText("503", { exact: true }).waitFor();
      await portal.link("SurveyResponse").click();
      await portal.button(portal.words.sendAgain).waitFor();
    },
  },
  { name: "reference", open: (portal) => portal.open("/portal/reference") },
  { name: "reference-operation", open: (portal) => portal.open("/portal/reference/actions.send") },
  { name: "missing", open: (portal) => portal.open("/portal/nothing") },

  { name: "oauth", guest: true, open: (portal) => openOauth(portal, OAUTH) },
  {
    name: "oauth-pin", guest: true,
    async open(portal) {
      await openOauth(portal, OAUTH);
      await portal.askForPin("+33100000002");
    },
  },
  { name: "oauth-refused", guest: true, open: (portal) => openOauth(portal, { client_id: "nobody" }) },
];
