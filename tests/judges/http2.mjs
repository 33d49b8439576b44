// An HTTP/2 server that Node brings. It tells each request, a JSON object a line, keeps connections, and answers all but
// those of /lost/HOW: these it ends as HOW says, without a good reply. With a third argument it also tells each connection, and
// with a fourth it ends one on which no request has come for so many milliseconds.
import { readFileSync } from "node:fs";
import { constants, createSecureServer } from "node:http2";

const [key, cert] = process.argv.slice(2, 4).map((file) => readFileSync(file));
const tell = (value) => process.stdout.write(JSON.stringify(value) + "\n");
const ways = {
  closed: ({ session }) => session.destroy(),
  goaway: ({ session }) => { session.goaway(constants.NGHTTP2_NO_ERROR, 0); session.destroy(); },
  refused: (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM),
  unauthorized: (stream) => { stream.respond({ ":status": 401 }); stream.end(); },
  reset: (stream) => stream.close(constants.NGHTTP2_INTERNAL_ERROR),
};

const server = createSecureServer({ key, cert });
let sessions = 0;
server.on("session", (session) => {
  session.number = sessions++;
  if (process.argv[4]) tell([session.number]);
  if (process.argv[5]) session.unused = setTimeout(() => session.close(), process.argv[5]);
});
server.on("sessionError", () => {});
server.on("stream", (stream, headers) => {
  clearTimeout(stream.session.unused);
  const how = ways[headers[":path"].split("/lost/")[1]];
  stream.on("error", () => {});
  stream.on("data", () => {});
  stream.on("end", () => {
    tell([stream.session?.number, headers[":method"], headers[":path"]]);
    if (how) return how(stream);
    stream.respond({ ":status": 200, "content-type": "application/json" });
    return stream.end("{}");
  });
});
server.listen(0, "127.0.0.1", () => tell(`https://127.0.0.1:${server.address().port}`));
process.stdin.resume().on("end", () => process.exit(0)); // the test has ended
