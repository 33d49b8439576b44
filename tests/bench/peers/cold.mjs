// cold.mjs URL REFRESH_TOKEN: exchange, list of groups, a message to the first, with node's own fetch.
const [url, refreshToken] = process.argv.slice(2);

async function ask(url, options) {
  const reply = await fetch(url, options);
  if (!reply.ok) throw new Error(`${reply.status} ${url}`);
  return reply.json();
}

const { ID: applicationId, SECRET: applicationSecret } = process.env;
const token = await ask(`${url}/v1/accessToken`, { headers: { applicationId, applicationSecret, refreshToken } });
const headers = { accessToken: token.accessToken };
const { groups } = await ask(`${token.endpointUrl}v1/groups`, { headers });
await ask(`${token.endpointUrl}v1/groups/${groups[0].groupId}/messages`, {
  method: "POST",
  headers: { ...headers, "Content-Type": "application/json" },
  body: JSON.stringify({ message: "Hello" }),
});
