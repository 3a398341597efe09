// One scenario with the unmodified @hocuspocus/provider: `node provider.mjs SCENARIO URL JSON`.
// Prints one JSON object; any failure, and a wait of more than ten seconds, is a non-zero exit.
import assert from "node:assert/strict";
import { HocuspocusProvider, HocuspocusProviderWebsocket } from "@hocuspocus/provider";
import WebSocket from "ws";
import * as Y from "yjs";

const [scenario, url, options] = process.argv.slice(2);
const { token, name } = JSON.parse(options);

const deadline = setTimeout(() => {
  console.error(`${scenario}: nothing happened for ten seconds`);
  process.exit(2);
}, 10_000);

const socketTo = (WebSocketPolyfill = WebSocket) =>
  new HocuspocusProviderWebsocket({ url, WebSocketPolyfill });

function open(websocketProvider, settings = {}) {
  const provider = new HocuspocusProvider({ websocketProvider, name, token, ...settings });
  provider.attach();
  return provider;
}

/** Resolves once `condition` holds, looked at after each of the provider's own events. */
function until(condition, ...providers) {
  return new Promise((resolve) => {
    const events = ["message", "unsyncedChanges", "synced", "awarenessChange", "authenticated", "authenticationFailed"];
    const look = () => {
      if (!condition()) return;
      for (const one of providers) for (const event of events) one.off(event, later);
      resolve();
    };
    const later = () => setImmediate(look);
    for (const one of providers) for (const event of events) one.on(event, later);
    look();
  });
}

const saved = (provider) => provider.synced && provider.unsyncedChanges === 0;
const textOf = (provider, field = "description") => provider.document.getMap("fields").get(field);

const scenarios = {
  async five_edits() {
    const ann = open(socketTo());
    await until(() => saved(ann), ann);
    for (let i = 0; i < 5; i++) textOf(ann).insert(0, String(i));
    assert.equal(ann.unsyncedChanges, 5);
    await until(() => saved(ann), ann);
    return { text: textOf(ann).toString() };
  },

  async offline_edits() {
    const document = new Y.Doc();
    const first = open(socketTo());
    await until(() => saved(first), first);
    Y.applyUpdate(document, Y.encodeStateAsUpdate(first.document));
    document.getMap("fields").get("description").insert(0, "offline ");
    const second = open(socketTo(), { document });
    await until(() => saved(second) && textOf(first).toString().startsWith("offline "), first, second);
    return { text: textOf(first).toString() };
  },

  async idle() {
    // Nothing to say of itself, so nothing comes back; and it gives a silent line up after half a second.
    const socket = new HocuspocusProviderWebsocket({ url, WebSocketPolyfill: WebSocket, messageReconnectTimeout: 500 });
    let [opened, signs] = [0, 0];
    socket.on("open", () => { opened += 1; });
    const ann = open(socket, { awareness: null });
    await until(() => saved(ann), ann);
    await new Promise((resolve) => socket.on("message", () => { signs += 1; if (signs === 8) resolve(); }));
    return { opened, status: socket.status };
  },

  async two_sessions_one_socket() {
    const socket = socketTo();
    const [one, two] = [0, 1].map(() => open(socket, { sessionAwareness: true }));
    await until(() => saved(one) && saved(two), one, two);
    one.setAwarenessField("user", { name: "Änne" });
    textOf(one).insert(0, "x");
    await until(() => saved(one) && textOf(two).toString() === "x"
      && two.awareness.getStates().get(one.document.clientID)?.user?.name === "Änne", one, two);
    one.destroy();
    await until(() => !two.awareness.getStates().has(one.document.clientID), two);
    return { left: two.awareness.getStates().size };
  },

  async unknown_entity() {
    const socket = socketTo();
    const nobody = open(socket, { name: "nowhere" });
    const reason = await new Promise((resolve) => nobody.on("authenticationFailed", (event) => resolve(event.reason)));
    const ann = open(socket);
    await until(() => saved(ann), ann);
    return { reason, status: socket.status };
  },

  async shared_with_json() {
    const texts = [];
    class Sharing extends WebSocket {
      emit(event, data, binary) {
        if (event !== "message" || binary) return super.emit(event, data, binary);
        return texts.push(JSON.parse(data.toString()));
      }
    }
    const socket = socketTo(Sharing);
    const ann = open(socket);
    await until(() => saved(ann), ann);
    assert.deepEqual(texts, []);
    socket.webSocket.send(JSON.stringify({ type: "hello", token, subscribe: "all" }));
    textOf(ann).insert(0, "x");
    const has = (type) => texts.some((frame) => frame.type === type);
    while (!(has("welcome") && has("saved") && has("asset_update"))) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    return { first: texts[0].type, draft: texts.find((frame) => frame.stage === "draft") };
  },
};

console.log(JSON.stringify(await scenarios[scenario]()));
clearTimeout(deadline);
process.exit(0);
