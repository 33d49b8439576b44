// oidc-provider as a judge: a token service that others wrote. It tells on standard output, a JSON object a line, what
// it granted and refused, and how the client authenticated; on standard input it takes {id, act, ...} likewise.
import { createPublicKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { createRequire } from "node:module";
import path from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const require = createRequire(path.join(process.env.JETON_JUDGES, "package.json"));
const { default: Provider, errors } = await import(pathToFileURL(require.resolve("oidc-provider")));

console.info = console.error; // the provider's notices are none of these lines
const tell = (value) => process.stdout.write(JSON.stringify(value) + "\n");
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { clients, resources = [], tls } = JSON.parse((await lines.next()).value);

// Of a client that signs, the test gives the file of its private key, or of its certificate.
for (const client of clients) {
  const { key_file: file, certificate_file: certificate } = client;
  delete client.key_file;
  delete client.certificate_file;
  if (file) client.jwks = { keys: [createPublicKey(readFileSync(file)).export({ format: "jwk" })] };
  if (certificate) {
    const { publicKey, raw } = new X509Certificate(readFileSync(certificate));
    client.jwks = { keys: [{ ...publicKey.export({ format: "jwk" }), x5c: [raw.toString("base64")] }] };
  }
}

const server = createServer();
server.listen(0, "127.0.0.1");
await once(server, "listening");
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  clients,
  rotateRefreshToken: ({ oidc: { client } }) => client.clientId !== "keeps",
  clientAuthMethods: ["none", "client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth",
    "self_signed_tls_client_auth"],
  scopes: ["openid", "offline_access", "read", "write"],
  ttl: { AccessToken: 3600, ClientCredentials: 3600, RefreshToken: 86400, Grant: 86400, DeviceCode: 600 },
  findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  cookies: { keys: ["of the judge"] },
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    revocation: { enabled: true },
    introspection: { enabled: true },
    mTLS: {
      enabled: true, tlsClientAuth: true, selfSignedTlsClientAuth: true,
      getCertificate: (ctx) => ctx.socket.getPeerX509Certificate?.(),
      certificateAuthorized: (ctx) => ctx.socket.authorized,
      certificateSubjectMatches: (ctx, property, expected) => (
        property === "tls_client_auth_subject_dn" && ctx.socket.getPeerX509Certificate().subject === expected),
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      useGrantedResource: () => false,
      getResourceServerInfo: (_, resource) => {
        if (!resources.includes(resource)) throw new errors.InvalidTarget();
        return { scope: "read write", accessTokenFormat: "jwt", jwt: { sign: { alg: "RS256" } } };
      },
    },
  },
});

/** How the client of a request authenticated, as it was sent. */
function auth({ headers, socket, oidc: { body = {}, client } }) {
  if (headers.authorization) return "client_secret_basic";
  if (body.client_assertion) {
    const [header, payload] = body.client_assertion.split(".", 2).map((part) => JSON.parse(Buffer.from(part, "base64url")));
    return { method: client?.clientAuthMethod, alg: header.alg, jti: payload.jti, aud: payload.aud };
  }
  if (body.client_secret !== undefined) return "client_secret_post";
  return socket.getPeerX509Certificate?.() ? client?.clientAuthMethod : "none";
}

for (const event of ["grant.success", "grant.error", "revocation.error", "grant.revoked", "server_error"]) {
  provider.on(event, (ctx, error) => tell({
    event, client: ctx.oidc?.client?.clientId, grant: ctx.oidc?.body?.grant_type, auth: ctx.oidc && auth(ctx),
    error: error?.error ?? error?.message, detail: error?.error_detail ?? error?.error_description,
  }));
}

const acts = {
  /** A person's consent, and the refresh token that came of it. */
  async consent({ client, scope = "read", resource = [] }) {
    const grant = new provider.Grant({ accountId: "alice", clientId: client });
    grant.addOIDCScope(`offline_access ${scope}`);
    for (const name of resource) grant.addResourceScope(name, scope);
    const token = new provider.RefreshToken({
      accountId: "alice", client: await provider.Client.find(client), grantId: await grant.save(),
      gty: "authorization_code", scope: `offline_access ${scope}`, resource,
    });
    return token.save();
  },
  /** Whether a refresh token could be used now. */
  async lives({ token }) {
    const found = await provider.RefreshToken.find(token);
    return Boolean(found && !found.consumed && await provider.Grant.find(found.grantId));
  },
  nothing: () => null,
};

server.on("request", provider.callback());
const served = { issuer };
if (tls) {
  const files = Object.fromEntries(Object.entries(tls).map(([name, file]) => [name, readFileSync(file)]));
  const server = createTlsServer({ ...files, requestCert: true, rejectUnauthorized: false }, provider.callback());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  served.tls = `https://127.0.0.1:${server.address().port}`;
}
tell(served);
for await (const line of lines) {
  const { id, act, ...rest } = JSON.parse(line);
  tell({ id, result: await acts[act](rest) });
}
process.exit(0); // the test has ended
