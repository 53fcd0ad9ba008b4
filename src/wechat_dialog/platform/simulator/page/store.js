// What the page knows: the server's state, as `/events` tells it, and what is this tab's own
// (who is looked at, what is open). The server's word replaces ours; nothing is guessed ahead.
//
// Objects are replaced, never changed in place, so that a view sees by identity what is new.

import { lastLine } from "./format.js";
import { spoken } from "./strings.js";

export const server = {
  known: false, // the first snapshot has come
  connected: false,
  bot: { name: "", managed: true, status: "starting", pid: null, error: "", error_zh: "", log: [] },
  account: { id: "", app_id: "", mode: "plain" },
  users: [],
  menu: [],
  messages: {},
  requests: {},
  conversations: {},
  reloaded: null, // the last live reload: {divergence, error, at}
  ahead: 0, // how far the simulated clock is ahead of this machine's, in ms
};

export const own = {
  user: null, // whose phone is looked at
  view: "list", // what a narrow window shows: "list" or "chat"
  sheet: false, // the developer's pane, where it is a sheet
  tab: "requests",
  bar: "keyboard", // the bottom bar: "keyboard" or "menu"
  panel: null, // below the bar: null, "plus" or "faces"
  drafts: {},
  open: new Set(), // requests and records that are unfolded
  shown: null, // the request that a bubble points at
  fresh: new Map(), // tabs with something not looked at yet, and what that is
};

const listeners = [];
let pending = false;

/** Call `draw` after every change, once for all changes of a moment. */
export function onChange(draw) {
  listeners.push(draw);
}

/** Say that something has changed. */
export function changed() {
  if (pending) return;
  pending = true;
  queueMicrotask(() => {
    pending = false;
    for (const draw of listeners) draw();
  });
}

/** The simulated time, in ms. */
export function now() {
  return Date.now() + server.ahead;
}

/** The user who is looked at, or null. */
export function current() {
  return server.users.find((user) => user.id === own.user) ?? null;
}

/** Change what is this tab's own. */
export function set(values) {
  Object.assign(own, values);
  changed();
}

/** Fold or unfold something that has a name. */
export function toggle(name) {
  own.open.has(name) ? own.open.delete(name) : own.open.add(name);
  changed();
}

/** Take in one event of the server. Unknown types come from a newer server, and are ignored. */
export function take(event) {
  const change = CHANGES[event.type];
  if (!change) return;
  change(event);
  changed();
}

const CHANGES = {
  state(event) {
    const { type, now: time, ...rest } = event;
    // A bot that does not even start says why; that is what one has to see first.
    if (!server.known && event.bot.status === "crashed") own.tab = "bot";
    Object.assign(server, rest, { known: true, ahead: time - Date.now() });
  },
  bot({ bot }) {
    server.bot = bot;
    if (bot.status === "crashed") fresh("bot", lastLine(spoken(bot.error, bot.error_zh)));
  },
  log({ line }) {
    server.bot = { ...server.bot, log: [...(server.bot.log ?? []), line].slice(-500) };
    fresh("bot", line); // what strict mode refuses is told here alone
  },
  user({ user }) {
    server.users = replaced(server.users, user);
  },
  user_removed({ id }) {
    server.users = server.users.filter((user) => user.id !== id);
    for (const book of ["messages", "requests", "conversations"]) {
      const { [id]: gone, ...rest } = server[book];
      server[book] = rest;
    }
  },
  menu({ menu }) {
    server.menu = menu;
  },
  bubble({ user, bubble }) {
    add("messages", user, bubble);
  },
  request({ user, request }) {
    add("requests", user, request);
    if (request.problem) fresh("requests", spoken(request.problem, request.problem_zh));
  },
  conversation({ user, conversation }) {
    server.conversations = { ...server.conversations, [user]: conversation };
    const { divergence, parked } = conversation ?? {};
    if (divergence) fresh("conversation", spoken(divergence.text, divergence.zh?.text));
    else if (parked?.length) fresh("conversation", spoken(parked.at(-1).error, parked.at(-1).error_zh));
  },
  cleared({ user, messages, requests }) {
    server.messages = { ...server.messages, [user]: messages ?? [] };
    server.requests = { ...server.requests, [user]: requests ?? [] };
  },
  clock({ now: time }) {
    server.ahead = time - Date.now();
  },
  reloaded({ divergence, error, error_zh }) {
    server.reloaded = { divergence: divergence ?? null, error: error ?? "", error_zh: error_zh ?? "", at: now() };
    fresh("bot", lastLine(spoken(error, error_zh) ?? ""));
  },
};

function add(book, user, item) {
  server[book] = { ...server[book], [user]: replaced(server[book][user] ?? [], item) };
}

function replaced(items, item) {
  const place = items.findIndex((other) => other.id === item.id);
  return place < 0 ? [...items, item] : items.with(place, item);
}

function fresh(tab, what) {
  if (own.tab !== tab) own.fresh.set(tab, what);
}
