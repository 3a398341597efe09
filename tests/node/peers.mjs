// Peers that do what they are told: one JSON command a line on standard input, one answer a line on
// standard output. `family` chooses the published provider, which is used as it comes.
import { createInterface } from "node:readline";
import { HocuspocusProvider, HocuspocusProviderWebsocket } from "@hocuspocus/provider";
import WebSocket from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

// The server is killed between edits: sooner back than by default, so that tests are quick.
const QUICK = { delay: 100, minDelay: 100, maxDelay: 400, initialDelay: 0 };

const [denials, stops] = [new Map(), new Map()];

const families = {
  hocuspocus({ url, token, names }) {
    const tokens = [].concat(token);
    const websocketProvider = new HocuspocusProviderWebsocket({ url, WebSocketPolyfill: WebSocket, ...QUICK });
    return new Map(names.map((name) => {
      const next = () => (tokens.length > 1 ? tokens.shift() : tokens[0]);
      const provider = new HocuspocusProvider({ websocketProvider, name, token: next });
      provider.on("authenticationFailed", ({ reason }) => { denials.set(provider, reason); });
      provider.attach();
      return [name, provider];
    }));
  },
  ywebsocket({ url, token, names }) {
    const settings = { params: { token }, WebSocketPolyfill: WebSocket, disableBc: true, maxBackoffTime: 400 };
    return new Map(names.map((name) => {
      const provider = new WebsocketProvider(url, name, new Y.Doc(), settings);
      provider.on("closed", ({ code }) => { stops.set(provider, code); });
      return [name, provider];
    }));
  },
};

const peers = new Map();
const docOf = (provider) => provider.document ?? provider.doc;
const textOf = (provider) => docOf(provider).getMap("fields").get("description");
const one = ({ peer, name }) => peers.get(peer).get(name);

/** Resolves once `condition` holds, looked at after everything that happens to a provider. */
function until(condition, provider) {
  return new Promise((resolve) => {
    const sources = [[provider, "synced"], [provider, "sync"], [provider, "unsyncedChanges"], [provider, "authenticated"],
      [provider, "authenticationFailed"], [provider, "close"], [provider, "closed"], [provider, "message"],
      [docOf(provider), "update"], [provider.awareness, "change"]];
    const look = () => {
      if (!condition()) return;
      for (const [source, event] of sources) source.off(event, later);
      resolve();
    };
    const later = () => setImmediate(look);
    for (const [source, event] of sources) source.on(event, later);
    look();
  });
}

const present = (provider, user) => [...provider.awareness.getStates().values()].some((state) => state.user?.name === user);

const commands = {
  async open(command) {
    const opened = families[command.family](command);
    peers.set(command.peer, opened);
    await Promise.all([...opened.values()].map((provider) => until(() => provider.synced, provider)));
  },
  write: (command) => textOf(one(command)).insert(0, command.text),
  async has(command) {
    const provider = one(command);
    await until(() => command.words.every((word) => textOf(provider)?.toString().includes(word)), provider);
    return textOf(provider).toString();
  },
  saved: ({ peer }) => Promise.all([...peers.get(peer).values()].map((provider) =>
    until(() => provider.synced && !provider.unsyncedChanges, provider))).then(() => null),
  unsynced: (command) => one(command).unsyncedChanges,
  async scope(command) {
    const provider = one(command);
    await until(() => provider.authorizedScope === command.wanted, provider);
  },
  async denied(command) {
    const provider = one(command);
    await until(() => denials.has(provider), provider);
    return denials.get(provider);
  },
  async stopped(command) {
    const provider = one(command);
    await until(() => stops.has(provider), provider);
    return stops.get(provider);
  },
  point: (command) => one(command).awareness.setLocalStateField("user", { name: command.user }),
  sees: (command) => until(() => present(one(command), command.user) === command.wanted, one(command)),
  leave({ peer }) {
    const opened = [...(peers.get(peer)?.values() ?? [])];
    peers.delete(peer);
    for (const provider of opened) provider.destroy();
    opened[0]?.configuration?.websocketProvider.destroy();
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  Promise.resolve()
    .then(() => commands[command.do](command))
    .then((answer) => ({ id: command.id, answer: answer ?? null }), (error) => ({ id: command.id, error: String(error?.stack ?? error) }))
    .then((said) => process.stdout.write(`${JSON.stringify(said)}\n`));
}
process.exit(0);
