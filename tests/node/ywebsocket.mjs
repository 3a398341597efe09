// One scenario with the unmodified y-websocket provider: `node ywebsocket.mjs SCENARIO URL JSON`.
// Prints one JSON object; any failure, and a wait of more than ten seconds, is a non-zero exit.
import WebSocket from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

const [scenario, url, options] = process.argv.slice(2);
const { token, other, name } = JSON.parse(options);

setTimeout(() => {
  console.error(`${scenario}: nothing happened for ten seconds`);
  process.exit(2);
}, 10_000);

function open(as = token, document = new Y.Doc(), settings = {}) {
  return new WebsocketProvider(url, name, document, {
    params: { token: as }, WebSocketPolyfill: WebSocket, disableBc: true, ...settings,
  });
}

const happens = (target, event) => new Promise((resolve) => target.once(event, (...args) => resolve(args)));
const synced = async (provider) => provider.synced || happens(provider, "sync");
const text = (provider) => provider.doc.getMap("fields").get("description");

/** Resolves once `condition` holds, looked at after each update of any of the documents. */
async function until(condition, ...providers) {
  while (!condition()) await Promise.race(providers.map((one) => happens(one.doc, "update")));
}

const scenarios = {
  async offline_edits() {
    const first = open();
    await synced(first);
    const document = new Y.Doc();
    Y.applyUpdate(document, Y.encodeStateAsUpdate(first.doc));
    document.getMap("fields").get("description").insert(0, "offline ");
    const second = open(token, document);
    await until(() => text(first).toString().startsWith("offline "), first, second);
    return { text: text(first).toString() };
  },

  async reconnect() {
    const [ann, bob] = [open(), open(other)];
    await Promise.all([synced(ann), synced(bob)]);
    ann.disconnect();
    text(ann).insert(0, "away ");
    text(bob).insert(0, "here ");
    ann.connect();
    const both = (one) => ["away ", "here "].every((words) => text(one).toString().includes(words));
    await until(() => both(ann) && both(bob), ann, bob);
    return { length: text(ann).length };
  },

  async refused() {
    const provider = open();
    const [closed] = await happens(provider, "closed");
    return { code: closed.code, reason: closed.reason };
  },
};

console.log(JSON.stringify(await scenarios[scenario]()));
process.exit(0);
