// A server for Node that tries to read, write and connect, and reports what happened: the spy, smaller.
import { connect } from "node:net";
import { appendFileSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";

const say = (id, result) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, result }) + "\n");
const told = (deed) => {
  try {
    deed();
    return "done";
  } catch (error) {
    return error.code ?? String(error);
  }
};
const reach = ([, host, port]) =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 3000 }, () => (socket.destroy(), resolve("done")));
    socket.on("error", (error) => resolve(error.code)).on("timeout", () => resolve("timeout"));
  });
const deeds = {
  read: (path) => told(() => readFileSync(path)),
  write: (path) => told(() => appendFileSync(path, "spied\n")),
  kill: (pid) => told(() => process.kill(pid, 0)),
  connect: reach,
};
const look = async (asked) => {
  const found = {};
  for (const [what, items] of Object.entries(asked)) {
    found[what] = {};
    for (const item of items) found[what][JSON.stringify(item)] = await deeds[what](item);
  }
  return found;
};

const tools = [{ name: "look", inputSchema: { type: "object" } }];
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) continue;
  if (method === "initialize")
    say(id, { protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo: { name: "spy", version: tmpdir() } });
  else if (method === "tools/list") say(id, { tools });
  else if (method === "tools/call")
    say(id, { content: [{ type: "text", text: JSON.stringify(await look(JSON.parse(params.arguments.text))) }] });
  else say(id, {});
}
