// receiver.mjs FOLDER PORT PATH: receives webhooks as one would with express: checks the signature, stores the event durably,
// answers.
import { createHmac, timingSafeEqual } from "node:crypto";
import { createRequire } from "node:module";

const require = createRequire(process.env.BUILD + "/package.json");
const express = require("express");
const Database = require("better-sqlite3");

const [folder, port, path] = process.argv.slice(2);
const database = new Database(folder + "/express.db");
database.pragma("journal_mode = WAL");
database.pragma("synchronous = FULL");
database.exec("CREATE TABLE event (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT, received INTEGER, headers TEXT, body BLOB)");
const insert = database.prepare("INSERT INTO event (id, type, received, headers, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");

const app = express();
app.post(path, express.raw({ type: "*/*", limit: "1mb" }), (request, response) => {
  const expected = createHmac("sha256", "a-secret-of-the-sender-0123456789").update(request.body).digest();
  const given = Buffer.from(request.get("X-Sig") ?? "", "hex");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return response.status(401).end();
  const event = JSON.parse(request.body);
  insert.run(event.id, event.type, Date.now(), JSON.stringify(request.headers), request.body);
  response.status(200).end();
});
app.listen(Number(port), "127.0.0.1");
