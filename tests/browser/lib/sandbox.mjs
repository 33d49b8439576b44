// `jeton sandbox` and `jeton` as processes of a test.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { JETON } from "./place.mjs";

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => process.exit(1));

function start(args, options) {
  const child = spawn(JETON, args, { stdio: ["pipe", "pipe", "pipe"], ...options });
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

async function read(stream) {
  let text = "";
  for await (const piece of stream.setEncoding("utf-8")) text += piece;
  return text;
}

/** A folder of its own: $HOME of what runs in it. */
export class Home {
  constructor() {
    this.folder = mkdtempSync(path.join(tmpdir(), "jeton-browser-"));
  }

  /** Starts jeton: the child process. `more`: of its environment. */
  start(args, more = {}) {
    const env = { ...process.env, HOME: this.folder, ...more };
    for (const name of ["XDG_CONFIG_HOME", "XDG_STATE_HOME"]) delete env[name];
    return start(args, { cwd: this.folder, env });
  }

  /** Runs jeton to its end: {status, stdout, stderr}. */
  async jeton(args, input = "", more = {}) {
    const child = this.start(args, more);
    child.stdin.on("error", () => {}); // it may end before it has read all
    child.stdin.end(input);
    const [stdout, stderr, [status]] = await Promise.all([read(child.stdout), read(child.stderr), once(child, "close")]);
    return { status, stdout, stderr };
  }

  /** As jeton(), and it must succeed: its standard output. */
  async ok(args, input, more) {
    const done = await this.jeton(args, input, more);
    if (done.status !== 0) throw new Error(`jeton ${args.join(" ")}: ${done.status}\n${done.stdout}${done.stderr}`);
    return done.stdout;
  }

  remove() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class Sandbox {
  /** On a free port, with the demo tenant. */
  static async start(...options) {
    const sandbox = new Sandbox();
    sandbox.child = start(["sandbox", "--listen", "127.0.0.1:0", ...options], {});
    sandbox.child.stdin.end();
    sandbox.errors = read(sandbox.child.stderr);
    const said = {};
    for await (const line of createInterface({ input: sandbox.child.stdout })) {
      const [, name, value] = /^(listening on|application ID|secret|refresh token)\s+(\S+)$/.exec(line) ?? [];
      if (name) said[name] = value;
      if (line === "In a browser:") break;
    }
    if (!said["listening on"]) throw new Error(`the sandbox did not start: ${await sandbox.errors}`);
    sandbox.child.stdout.resume(); // what it says further is read, so that it is never kept from saying it
    sandbox.url = said["listening on"];
    /** The demo's connector, with the token of the tenant admin. */
    sandbox.demo = { id: said["application ID"], secret: said.secret, refreshToken: said["refresh token"] };
    return sandbox;
  }

  async stop() {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const closed = once(this.child, "close");
      this.child.kill("SIGTERM");
      await closed;
    }
  }

  async steer(where, value) {
    const reply = await fetch(`${this.url}/_sandbox/${where}`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value),
    });
    if (!reply.ok) throw new Error(`POST /_sandbox/${where}: ${reply.status} ${await reply.text()}`);
    return reply.json();
  }

  /**
   * A connector with a token of its owner, as Portal.obtain gives them; how people get them by hand,
   * people/walk.mjs does.
   */
  async makeConnector(name, { phone }) {
    const { id, secret, tokens: [{ refresh_token: refreshToken }] } = await this.steer("connectors", {
      name, owner: phone, permissions: "all", tokens: [{ user: phone }],
    });
    return { name, id, secret, refreshToken };
  }

  /** One call of the API, as a script makes it: {status, body}. */
  async api(method, where, headers, value) {
    const reply = await fetch(`${this.url}/v1/${where}`, {
      method,
      headers: { ...headers, ...(value && { "Content-Type": "application/json" }) },
      body: value && JSON.stringify(value),
    });
    return { status: reply.status, body: await reply.json() };
  }

  /** Exchanges what Portal.obtain gave: an access token. */
  async exchange({ id, secret, refreshToken }) {
    const headers = { applicationId: id, applicationSecret: secret, refreshToken };
    const { status, body } = await this.api("GET", "accessToken", headers);
    if (status !== 200) throw new Error(`accessToken: ${status} ${JSON.stringify(body)}`);
    return body.accessToken;
  }
}
