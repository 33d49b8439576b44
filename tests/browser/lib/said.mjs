// What is said in a group, one of every kind, as scripts post it.
import { deflateSync } from "node:zlib";

const ALICE = "+33100000001";
const BRUNO = "+33100000002";
const CHITRA = "+33100000003";

function crc(bytes) {
  let value = -1;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  }
  return (value ^ -1) >>> 0;
}

function chunk(type, data) {
  const out = Buffer.alloc(12 + data.length);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, "latin1");
  data.copy(out, 8);
  out.writeUInt32BE(crc(out.subarray(4, 8 + data.length)), 8 + data.length);
  return out;
}

/** A PNG of one colour, from light to dark. */
function picture(red, green, blue, width = 160, height = 100) {
  const rows = Buffer.concat(Array.from({ length: height }, (_, y) => {
    const shade = 1 - y / height / 2;
    const pixel = [red * shade, green * shade, blue * shade].map(Math.round);
    return Buffer.from([0, ...Array.from({ length: width }, () => pixel).flat()]);
  }));
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2], 8);
  return Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), chunk("IHDR", head), chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0))]);
}

export class Talk {
  /**
   * @param {Sandbox} sandbox
   * @param {string} accessToken
   * @param {string} group id
   */
  constructor(sandbox, accessToken, group) {
    Object.assign(this, { sandbox, accessToken, group });
  }

  async post(where, value) {
    const path = `groups/${this.group}/${where}`;
    const { status, body } = await this.sandbox.api("POST", path, { accessToken: this.accessToken }, value);
    if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  say(message, more = {}) {
    return this.post("messages", { message, ...more });
  }

  act(actionType, actionBody) {
    return this.post("actions", { actionType, actionBody });
  }

  comment(referenceId, comment) {
    return this.post("reaction", { referenceId, sourceGroupId: this.group, reactionType: "Comment", comment });
  }

  async upload(...files) {
    const form = new FormData();
    for (const [name, type, bytes] of files) form.append("files", new Blob([bytes], { type }), name);
    const reply = await fetch(`${this.sandbox.url}/v1/media`, {
      method: "POST", headers: { accessToken: this.accessToken }, body: form,
    });
    if (!reply.ok) throw new Error(`media: ${reply.status} ${await reply.text()}`);
    return (await reply.json()).mediaResource;
  }

  /** One of every kind: the replies by kind. */
  async all() {
    const said = {};
    said.message = await this.say("Good morning! The weekly figures are out.");
    await this.say("<b>Thanks</b>, I will have a look.\nMore tomorrow.", {
      replyToReferenceId: said.message.referenceId,
    });
    said.announcement = await this.act("Announcement", {
      title: "Server work on Friday", message: "The file server is off from 18:00 to 20:00.",
      MediaResources: [await this.upload(["plan.pdf", "application/pdf", Buffer.alloc(34567)])],
    });
    said.image = await this.act("Image", {
      mediaResource: await this.upload(["view.png", "image/png", picture(90, 150, 210)]), caption: "The new office",
    });
    said.album = await this.act("Album", {
      mediaResource: await this.upload(...[[220, 120, 90], [90, 170, 130], [120, 110, 200]].map((colour, i) => (
        [`${i}.png`, "image/png", picture(...colour)]))),
      caption: "Team day",
    });
    said.document = await this.act("Document", {
      mediaResource: await this.upload(["Report.pdf", "application/pdf", Buffer.alloc(2345678)]), caption: "Q3",
    });
    said.job = await this.act("Job", { title: "Call the customers", assignedTo: [ALICE, BRUNO, CHITRA] });
    said.poll = await this.act("Poll", {
      question: "Where do we eat on Thursday?",
      choices: [{ title: "Pizza" }, { title: "The place around the corner with the long name" }, { title: "Canteen" }],
    });
    said.meeting = await this.act("LetsMeet", {
      title: "Quarterly review", startingTime: "2035-12-01T09:30:00Z", duration: 90, agenda: "Figures\nOutlook",
      place: { latitude: 48.85, longitude: 2.35, name: "Room 1" },
    });
    said.survey = await this.act("Survey", {
      title: "How was the training?", description: "Two minutes, please.",
      questions: [
        { title: "Overall", type: "SingleOption", options: [{ title: "Great" }, { title: "So-so" }] },
        { title: "What did you like?", type: "MultiOption", options: [{ title: "Content" }, { title: "Food" }] },
        { title: "Marks out of ten", type: "Numeric" }, { title: "Comments", type: "Text" },
        { title: "Next date", type: "Date" }, { title: "Call me at", type: "DateTime" },
        { title: "Where?", type: "Location" }, { title: "Photo", type: "Image" },
        { title: "Files", type: "AttachmentList" },
      ],
    });
    await this.post(`actions/${said.survey.actionId}/responses`, {
      actionType: "Survey",
      actionBody: { answers: ["Great", ["Content", "Food"], 8.5, "Very good", null, null, null, null, null] },
    });
    said.package = await this.post("actions", {
      id: "com.example.approval",
      actionBody: { title: "Order 4711", properties: [{ name: "state", type: "Text", value: "open" }] },
    });
    await this.comment(said.poll.referenceId, "Pizza again?");
    return said;
  }
}
