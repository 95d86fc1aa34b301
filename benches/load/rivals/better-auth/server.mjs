// Better Auth's check of an API key, served over HTTP by two processes on one database file: the key is in
// x-api-key, the answer is 200 or 401.

import cluster from "node:cluster";
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { join } from "node:path";

import { apiKey } from "@better-auth/api-key";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import Database from "better-sqlite3";

const workers = 2;
const port = Number(process.env.PORT);
const secret = process.env.SECRET ?? randomBytes(32).toString("hex");

const database = new Database(join(process.env.DATA, "auth.sqlite"));
// Each check writes when the key was last used; by SQLite's own defaults each write would wait for the disk.
database.pragma("journal_mode = WAL");
database.pragma("synchronous = NORMAL");

const auth = betterAuth({
  baseURL: `http://127.0.0.1:${port}`,
  secret,
  database,
  emailAndPassword: { enabled: true },
  // Left on, it would write a line for each key that is refused.
  logger: { disabled: true },
  // Left on, it would refuse the eleventh check of a key in a day.
  plugins: [apiKey({ rateLimit: { enabled: false } })],
});

async function makeKey() {
  await (await getMigrations(auth.options)).runMigrations();
  const account = { name: "Load", email: "load@example.com", password: randomBytes(16).toString("hex") };
  const { user } = await auth.api.signUpEmail({ body: account });
  const { key } = await auth.api.createApiKey({ body: { userId: user.id } });
  return key;
}

async function check(request, response) {
  const { valid } = await auth.api.verifyApiKey({ body: { key: request.headers["x-api-key"] ?? "" } });
  const body = JSON.stringify({ valid });
  response.writeHead(valid ? 200 : 401, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}

function serve(request, response) {
  check(request, response).catch(() => response.writeHead(500).end());
}

function sayReady(key) {
  const right = { headers: { "x-api-key": key }, body: null, expect: '"valid":true' };
  const unknown = { "x-api-key": "x".repeat(key.length) };
  const wrong = { headers: unknown, body: null, status: 401, expect: '"valid":false' };
  console.log(JSON.stringify({ method: "GET", path: "/check", ...right, wrong }));
}

if (cluster.isPrimary) {
  const key = await makeKey();
  database.close();

  let listening = 0;
  cluster.on("listening", () => {
    listening += 1;
    if (listening === workers) sayReady(key);
  });
  // The last to go, so that whoever waits for this process has waited for the workers too.
  cluster.on("exit", () => Object.keys(cluster.workers).length === 0 && process.exit());
  process.on("SIGTERM", () => {
    for (const worker of Object.values(cluster.workers)) worker.process.kill("SIGTERM");
  });
  for (let made = 0; made < workers; made += 1) cluster.fork({ SECRET: secret });
} else {
  createServer(serve).listen(port, "127.0.0.1");
}
