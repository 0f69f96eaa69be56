// A stdio MCP server in one file: tools `echo` and `settings`. Ends when its stdin ends.
const { createHash } = require("node:crypto");
const { createInterface } = require("node:readline");

const REVISIONS = ["2025-03-26", "2025-06-18", "2025-11-25"];
const text = { type: "object", properties: { text: { type: "string" } }, required: ["text"] };
const TOOLS = [
  { name: "echo", description: "Says the text back", inputSchema: text, annotations: { readOnlyHint: true } },
  { name: "settings", description: "What was set", inputSchema: { type: "object", properties: {} } },
];

const said = (words, isError = false) => ({ content: [{ type: "text", text: words }], isError });

function call({ name, arguments: given = {} }) {
  if (name === "echo") {
    return typeof given.text === "string" ? said(given.text) : said("missing argument: text", true);
  }
  if (name === "settings") {
    const digest = createHash("sha256").update(process.env.ACME_API_KEY ?? "").digest("hex").slice(0, 12);
    return said(JSON.stringify({ units: process.env.ACME_UNITS ?? null, key_sha256: digest }));
  }
  return null;
}

function result(method, params) {
  switch (method) {
    case "initialize":
      return {
        protocolVersion: REVISIONS.includes(params.protocolVersion) ? params.protocolVersion : REVISIONS.at(-1),
        capabilities: { tools: {} },
        serverInfo: { name: "echo", version: "1.0.0" },
      };
    case "ping":
      return {};
    case "tools/list":
      return { tools: TOOLS };
    case "tools/call":
      return call(params);
    default:
      return undefined;
  }
}

const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n");

createInterface({ input: process.stdin }).on("line", (line) => {
  let message;
  try {
    message = JSON.parse(line);
  } catch {
    send({ id: null, error: { code: -32700, message: "not JSON" } });
    return;
  }
  if (message.id === undefined || message.method === undefined) return;
  const answer = result(message.method, message.params ?? {});
  if (answer === undefined) send({ id: message.id, error: { code: -32601, message: "method not found" } });
  else if (answer === null) send({ id: message.id, error: { code: -32602, message: "unknown tool" } });
  else send({ id: message.id, result: answer });
});
