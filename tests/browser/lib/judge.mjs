// oidc-provider (tests/judges/oidc.mjs) as a process of a test.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { SOURCE } from "./place.mjs";

const DEBIAN = "/usr/bin/node";
const PACKAGES = path.join(SOURCE, "build", "judges");

export class Judge {
  /** `settings`: its clients; what grants it tells of is in `events`. */
  static async start(settings) {
    const judge = new Judge();
    judge.child = spawn(existsSync(DEBIAN) ? DEBIAN : process.execPath, [path.join(SOURCE, "tests/judges/oidc.mjs")], {
      stdio: ["pipe", "pipe", "ignore"], env: { ...process.env, JETON_JUDGES: PACKAGES },
    });
    judge.child.stdin.on("error", () => {}); // it may end before it has read all; read() says so
    judge.events = [];
    judge.asked = 0;
    judge.lines = createInterface({ input: judge.child.stdout })[Symbol.asyncIterator]();
    judge.write(settings);
    judge.url = (await judge.read()).issuer;
    return judge;
  }

  write(value) {
    this.child.stdin.write(JSON.stringify(value) + "\n");
  }

  async read() {
    const { value, done } = await this.lines.next();
    if (done) throw new Error("the judge has ended; are its packages there? ./dev test installs them");
    return JSON.parse(value);
  }

  /** Also reads all events until now. */
  async act(act, values = {}) {
    this.asked += 1;
    this.write({ id: this.asked, act, ...values });
    for (;;) {
      const said = await this.read();
      if (said.id === this.asked) return said.result;
      this.events.push(said);
    }
  }

  async stop() {
    const closed = once(this.child, "close");
    this.child.stdin.end();
    await closed;
  }
}
