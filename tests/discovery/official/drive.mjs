// Drives the real @smithery/api against whatever SMITHERY_BASE_URL and SMITHERY_CONNECT_BASE_URL name; prints one JSON object.
// Lies beside a node_modules folder when it runs (the test copies it there).
import { createHash } from "node:crypto";
import Smithery from "@smithery/api";
import { createConnection } from "@smithery/api/mcp";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";

const client = new Smithery({ maxRetries: 1 });
const refusal = async (promise) => {
  try {
    await promise;
    return "no error";
  } catch (error) {
    return [error.constructor.name, error.status ?? null];
  }
};

const out = {};
const first = await client.servers.list({ q: "weather", pageSize: 2 });
out.first = { names: first.servers.map((one) => one.qualifiedName), pagination: first.pagination };
out.all = [];
for await (const one of client.servers.list({ pageSize: 10 })) out.all.push(one.qualifiedName);

const echo = await client.servers.get("acme/echo-bundle");
out.bundle = echo.connections[0];
out.solo = (await client.servers.get("solo")).qualifiedName;
const zip = Buffer.from(await (await client.servers.download("acme/echo-bundle")).arrayBuffer());
out.download = { sha256: createHash("sha256").update(zip).digest("hex"), magic: zip.subarray(0, 2).toString() };

out.errors = {
  wrongKey: await refusal(new Smithery({ apiKey: "sk-bad", maxRetries: 0 }).servers.list()),
  unknown: await refusal(client.servers.get("acme/nothing")),
  badPageSize: await refusal(client.servers.list({ pageSize: 1000 })),
  noBundle: await refusal(client.servers.download("acme/weather-http")),
};

out.namespaces = (await client.namespaces.list()).namespaces.map((one) => one.name);
out.token = typeof (await client.tokens.create({})).token;
const made = { namespace: "my-app", mcpUrl: "https://server.smithery.ai/acme/weather-http" };
out.connection = (await client.connections.set("wx", made)).status.state;
out.mismatch = await refusal(client.connections.set("wx", { ...made, mcpUrl: "https://elsewhere.example" }, { maxRetries: 0 }));
const where = { namespace: "my-app", connectionId: "wx" };
out.tools = (await client.connections.tools.list("wx", { namespace: "my-app" })).tools.map((tool) => tool.name);
out.called = await client.connections.tools.call("people/greet", { ...where, body: { name: "Bo" } });
out.toolError = await refusal(client.connections.tools.call("echo", { ...where, body: {} }));
const keyed = { namespace: "my-app", mcpUrl: "https://server.smithery.ai/acme/vault-http" };
const locked = await client.connections.set("vault", keyed);
out.locked = { state: locked.status.state, missing: locked.status.missing };
out.unlocked = (await client.connections.set("vault", { ...keyed, headers: { "x-api-key": "k" } })).status.state;

const { transport } = await createConnection({ client, ...where, mcpUrl: made.mcpUrl });
const mcp = new Client({ name: "test", version: "1" }, { capabilities: {} });
await mcp.connect(transport);
out.throughMcp = (await mcp.listTools()).tools.map((tool) => tool.name);
await mcp.close();
console.log(JSON.stringify(out));
