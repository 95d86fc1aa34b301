// oidc-provider's introspection of an opaque access token, which its own token endpoint issues at the start.
// One process, for the adapter that it has by default keeps tokens in the memory of the process.

import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";

import Provider from "oidc-provider";

const port = Number(process.env.PORT);
const issuer = `http://127.0.0.1:${port}`;
const day = 24 * 60 * 60;

const random = () => randomBytes(32).toString("base64url");
const client = { id: "load", secret: random() };
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: client.id,
      client_secret: client.secret,
      token_endpoint_auth_method: "client_secret_basic",
      grant_types: ["client_credentials"],
      response_types: [],
      redirect_uris: [],
    },
  ],
  cookies: { keys: [random()] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    // The default one says the same of this client, and that it's to be replaced.
    introspection: { enabled: true, allowedPolicy: (_, asker, token) => asker.clientId === token.clientId },
  },
  jwks: { keys: [privateKey.export({ format: "jwk" })] },
  // By default a token lives for ten minutes, which a long run would outlive.
  ttl: { ClientCredentials: day },
});

const headers = {
  authorization: `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString("base64")}`,
  "content-type": "application/x-www-form-urlencoded",
};

async function makeToken() {
  const body = "grant_type=client_credentials";
  const answer = await fetch(`${issuer}/token`, { method: "POST", headers, body });
  const { access_token: token } = await answer.json();
  return token;
}

createServer(provider.callback()).listen(port, "127.0.0.1", async () => {
  const token = await makeToken();
  const right = { headers, body: `token=${token}`, expect: '"active":true' };
  const unknown = `token=${"x".repeat(token.length)}`;
  const wrong = { headers, body: unknown, status: 200, expect: '"active":false' };
  console.log(JSON.stringify({ method: "POST", path: "/token/introspection", ...right, wrong }));
});
