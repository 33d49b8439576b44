// A receiver of webhooks, in this process.
import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const PATIENCE_MS = 60_000;

export class Receiver {
  /** One that echoes validationToken, as receivers do, and else replies what `reply` gives: {status, body}. */
  static async start(reply) {
    const receiver = new Receiver();
    receiver.seen = [];
    receiver.server = createServer(async (request, response) => {
      let body = "";
      for await (const piece of request.setEncoding("utf-8")) body += piece;
      const token = new URL(request.url, receiver.url).searchParams.get("validationToken");
      const told = token === null && { headers: request.headers, body: JSON.parse(body) };
      if (told) receiver.seen.push(told);
      const said = told ? reply(told) : { status: 200, body: token };
      response.writeHead(said.status, { "Content-Type": "text/html" }).end(said.body);
    });
    receiver.server.listen(0, "127.0.0.1").unref();
    await once(receiver.server, "listening");
    receiver.url = `http://127.0.0.1:${receiver.server.address().port}/hook`;
    return receiver;
  }

  /** Makes a webhook of a group, with the connector's token, that tells it: its id. */
  async subscribe(sandbox, connector, values) {
    const accessToken = await sandbox.exchange(connector);
    const { status, body } = await sandbox.api("POST", "webhook", { accessToken },
      { objectType: "Group", callBackUrl: this.url, ...values });
    if (status !== 200) throw new Error(`webhook: ${status} ${JSON.stringify(body)}`);
    return body.webhookId;
  }

  /** What came next: {headers, body}. */
  async next() {
    for (const since = Date.now(); this.seen.length === 0; await sleep(20)) {
      if (Date.now() - since > PATIENCE_MS) throw new Error("the receiver was told nothing");
    }
    return this.seen.shift();
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}
