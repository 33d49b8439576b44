// Webhooks that the senders' own packages sign: prints them as JSON, with the header, or part, of each
// that its signature covers.
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(path.join(process.env.JETON_JUDGES, "package.json"));

const now = 1_700_000_000;
const date = new Date(now * 1000);
const whsec = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const text = JSON.stringify({ id: "evt_1", type: "order.paid", note: "Zoë, 1 < 2 & \"3\" \u{1F600}", amount: 1.0 });
const form = { CallSid: "CA1", From: "+14158675309", Body: "ü & 1=2", Empty: "", Digits: "12" };
const sent = [];
const add = (hook, headers, body, covered, target = `/${hook}`) =>
  sent.push({ hook, target, headers, body, covered, now: now * 1000 });

const Stripe = require("stripe");
const stripe = new Stripe("sk_test_none");
for (const secret of ["stripe-secret-1", "stripe-secret-2"])
  add("stripe", { "Stripe-Signature": stripe.webhooks.generateTestHeaderString({ payload: text, secret, timestamp: now }) },
    text, ["Stripe-Signature", "body"]);

for (const [hook, name] of [["svix", "svix"], ["standard", "standardwebhooks"]]) {
  const { Webhook } = require(name);
  const head = hook === "svix" ? "svix" : "webhook";
  const headers = {
    [`${head}-id`]: "msg_1",
    [`${head}-timestamp`]: String(now),
    [`${head}-signature`]: new Webhook(whsec).sign("msg_1", date, text),
  };
  add(hook, headers, text, [...Object.keys(headers), "body"]);
}

// It is an ES module only, which `require` does not find.
const methods = path.join(process.env.JETON_JUDGES, "node_modules/@octokit/webhooks-methods/dist-node/index.js");
const octokit = await import(pathToFileURL(methods));
add("github", { "X-Hub-Signature-256": await octokit.sign("github-secret", text), "X-GitHub-Event": "ping" },
  text, ["X-Hub-Signature-256", "body"]);

const twilio = require("twilio/lib/webhooks/webhooks");
const url = "https://hooks.example.org/sms";
add("twilio-form", {
  "X-Twilio-Signature": twilio.getExpectedTwilioSignature("twilio-secret", `${url}?a=1&b=%20x`, form),
  "Content-Type": "application/x-www-form-urlencoded",
}, new URLSearchParams(form).toString(), ["X-Twilio-Signature", "query", "form"], "/twilio-form?a=1&b=%20x");
const hash = twilio.getExpectedBodyHash(text);
add("twilio-json", {
  "X-Twilio-Signature": twilio.getExpectedTwilioSignature("twilio-secret", `${url}?bodySHA256=${hash}`, {}),
  "Content-Type": "application/json",
}, text, ["X-Twilio-Signature", "query", "body"], `/twilio-json?bodySHA256=${hash}`);
const list = JSON.stringify([{ specversion: "1.0", type: "com.twilio.messaging.message.delivered", id: "EZ1",
  source: "/2010-04-01/Accounts/AC1", time: "2026-11-27T06:02:54.377Z", data: { text } }]);
const listHash = twilio.getExpectedBodyHash(list);
add("twilio-events", {
  "X-Twilio-Signature": twilio.getExpectedTwilioSignature("twilio-secret", `${url}?bodySHA256=${listHash}`, {}),
  "Content-Type": "application/json",
}, list, ["X-Twilio-Signature", "query", "body"], `/twilio-events?bodySHA256=${listHash}`);

console.log(JSON.stringify(sent));
