// What drive.mjs leaves out: every filter, the mapping of every error, namespaces, tokens in use, a connection's whole life.
// Prints one JSON object; SMITHERY_BASE_URL and SMITHERY_CONNECT_BASE_URL name the stand-in, whose /ctl makes it misbehave.
import Smithery from "@smithery/api";

const base = process.env.SMITHERY_BASE_URL;
const client = new Smithery({ maxRetries: 0 });
const refusal = async (promise) => {
  try {
    await promise;
    return "no error";
  } catch (error) {
    return [error.constructor.name, error.status ?? null];
  }
};
const misbehave = (fault) => fetch(`${base}/ctl/fault`, { method: "POST", body: JSON.stringify(fault) });
const behave = () => fetch(`${base}/ctl/fault`, { method: "DELETE" });
const names = async (query) => (await client.servers.list(query)).servers.map((one) => one.qualifiedName);

const out = { filtered: {}, errors: {} };
out.health = (await client.health.check()).status;
const queries = {
  namespace: { namespace: "acme", q: "weather" },
  remote: { remote: "false", namespace: "acme", verified: "1" },
  deployed: { isDeployed: "true", namespace: "acme", pageSize: 100 },
  managed: { smitheryManaged: "true" },
  owner: { ownerId: "user_01AB", q: "echo" },
  repository: { repoOwner: "acme-code", repoName: "echo" },
  exact: { qualifiedName: "acme/vault-http" },
  few: { fields: ["qualifiedName", "verified"], qualifiedName: "solo" },
  deep: { q: "widget", topK: 10, seed: 4, page: 2, pageSize: 5 },
};
for (const [name, query] of Object.entries(queries)) out.filtered[name] = await names(query);
const echo = (await client.servers.list({ qualifiedName: "acme/echo-bundle" })).servers[0];
out.filtered.ids = await names({ ids: [echo.id, "8a6f0c52-1111-4222-8333-444455556666"] });
out.beyond = await names({ page: 99 });

for (const status of [400, 402, 403, 409, 429, 502]) {
  await misbehave({ status, body: { error: "made so" } });
  out.errors[status] = await refusal(client.servers.list());
  await behave();
}
await misbehave({ mode: "html", status: 502 });
out.errors.html = await refusal(client.servers.get("solo"));
await behave();
await misbehave({ mode: "slow", seconds: 30 });
out.errors.slow = await refusal(client.servers.list({}, { timeout: 300 }));
await behave();
await misbehave({ status: 429, headers: { "retry-after": "1" }, times: 1 });
const started = Date.now();
out.patient = (await new Smithery({ maxRetries: 1 }).servers.list({ pageSize: 1 })).servers.length;
out.waited = Date.now() - started >= 950;

out.namespace = { set: (await client.namespaces.set("fresh-one")).name };
out.namespace.taken = await refusal(client.namespaces.set("widgets"));
out.namespace.made = typeof (await client.namespaces.create()).name;
out.namespace.all = (await client.namespaces.list()).namespaces.map((one) => one.name).includes("fresh-one");
out.namespace.deleted = (await client.namespaces.delete("fresh-one")).success;

const policy = [{ namespaces: "my-app", resources: "connections", operations: ["read", "execute", "write"], ttl: "1h" }];
const { token } = await client.tokens.create({ policy });
const visitor = new Smithery({ apiKey: token, maxRetries: 0 });
const made = { namespace: "my-app", mcpUrl: "https://server.smithery.ai/acme/weather-http", name: "W", metadata: { userId: "u1" } };
out.connection = { set: (await visitor.connections.set("wy", made)).status.state };
const where = { namespace: "my-app" };
out.connection.got = (await visitor.connections.get("wy", where)).metadata;
out.connection.listed = (await visitor.connections.list("my-app", { limit: 1 })).connections.map((one) => one.connectionId);
out.connection.deleted = (await visitor.connections.delete("wy", where)).success;
out.connection.gone = await refusal(visitor.connections.get("wy", where));
console.log(JSON.stringify(out));
