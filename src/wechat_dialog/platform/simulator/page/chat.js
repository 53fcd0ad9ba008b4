// The phone: a chat with the account, as one test user sees it.

import { botAvatar } from "./avatars.js";
import { browser } from "./browser.js";
import { bubbleOf, stateOf } from "./bubbles.js";
import { ask } from "./commands.js";
import { composer } from "./composer.js";
import { fill, h, icon, iconButton, sync } from "./dom.js";
import { ago, hour } from "./format.js";
import { outage, outageBar } from "./outage.js";
import { profile, scan } from "./sending.js";
import { current, now, own, server, set } from "./store.js";
import { t } from "./strings.js";

// The phone writes the time above what follows after so long.
const PAUSE = 5 * 60_000;
const NEAR_THE_END = 80;

/** The phone; `act` is {back(bubble), look(request id), conversation(), bot(), sheet(), list()}. */
export function chat(act) {
  const clock = h("span", {});
  const title = h("h2.chat-title", { tabindex: "-1" });
  const log = h("ol.log", {});
  const frame = h("div.log-scroll", { role: "log", "aria-label": t("conversationLog"), tabindex: "0" }, log);
  const jump = h("button.jump", { type: "button", hidden: true, onclick: () => toEnd(frame) }, icon("down"), t("newMessages"));
  const trouble = h("div", { role: "status" });
  const below = h("div.below", {});
  const write = composer();
  const head = header(title, act);
  const middle = h("div.log-frame", {}, frame, jump);
  const web = browser([head, trouble, middle, below, write.root]);
  const root = h(
    "section.phone",
    { id: "phone", "aria-label": t("phone") },
    h("div.status-bar", { "aria-hidden": "true" }, clock, h("span.status-signs", {}, h("i.signal"), h("i.wifi"), h("i.battery"))),
    head,
    trouble,
    middle,
    below,
    write.root,
    web.root,
  );
  let lookedAt = null;
  let count = 0;
  let stuck = true; // at the end, where what comes new is to be seen
  frame.addEventListener("scroll", () => {
    stuck = atEnd(frame);
    if (stuck) jump.hidden = true;
  });
  // A picture that has come, a keyboard that folds out: the end stays in sight.
  const watch = new ResizeObserver(() => stuck && toEnd(frame));
  watch.observe(log);
  watch.observe(frame);
  function draw() {
    clock.textContent = hour(now());
    if (lookedAt !== own.user) web.close();
    const user = current();
    drawTitle(title, user);
    fill(trouble, Object.values(outage()), () => outageBar(act.bot));
    const bubbles = user ? server.messages[user.id] ?? [] : [];
    const more = bubbles.length > count && lookedAt === own.user;
    if (lookedAt !== own.user || (more && bubbles.at(-1).from === "user")) stuck = true;
    drawLog(log, user, bubbles, act);
    if (stuck) toEnd(frame);
    jump.hidden = stuck || !(more || !jump.hidden);
    lookedAt = own.user;
    count = bubbles.length;
    below.hidden = !user || user.following;
    fill(below, [user?.id, user?.following], () => invitation(user));
    write.draw();
  }
  return { root, draw, focus: write.focus, title };
}

function header(title, act) {
  return h(
    "header.chat-head",
    {},
    iconButton("back", t("toList"), act.list, { class: "icon-button to-list" }),
    title,
    h(
      "span.chat-tools",
      {},
      iconButton("code", t("developer"), act.sheet, { class: "icon-button to-sheet", "aria-haspopup": "dialog" }),
      iconButton("more", t("profile"), () => current() && profile(current())),
    ),
  );
}

function drawTitle(title, user) {
  const name = server.bot.name;
  fill(title, [user?.typing, user?.name, name], () =>
    user?.typing ? h("span.busy", {}, t("typing")) : h("span", {}, h("span.chat-name", {}, name), user && h("small", {}, t("asUser", user.name))),
  );
}

function drawLog(log, user, bubbles, act) {
  const requests = user ? server.requests[user.id] ?? [] : [];
  const byId = new Map(requests.map((request) => [request.id, request]));
  const day = new Date(now()).toDateString();
  const items = bubbles.length ? withTimes(bubbles) : [{ empty: true }];
  sync(
    log,
    items,
    (item) => (item.empty ? "empty" : item.time ? `time ${item.before}` : item.id),
    (item) => {
      if (item.empty) return [user?.id, user?.following, server.known];
      if (item.time) return [item.time, day];
      const copies = copiesOf(item, byId);
      return [item, user?.name, server.bot.managed, copies.map((copy) => `${copy.id}${stateOf(copy)}${JSON.stringify(copy.doing)}`).join()];
    },
    (item) => {
      if (item.empty) return emptiness(user);
      if (item.time) return h("li.time", {}, h("time", { datetime: new Date(item.time).toISOString() }, ago(item.time, now())));
      return bubbleOf(item, copiesOf(item, byId), act);
    },
  );
}

// The copies belong to what the user sent, and to the fault that came of all; an answer only points at
// the last of them.
function copiesOf(bubble, byId) {
  if (bubble.from !== "user" && bubble.kind !== "fault") return [];
  return (bubble.requests ?? []).map((id) => byId.get(id)).filter((request) => request && request.method !== "API");
}

function withTimes(bubbles) {
  const items = [];
  let last = -Infinity;
  for (const bubble of bubbles) {
    if (bubble.at - last > PAUSE) items.push({ time: bubble.at, before: bubble.id });
    items.push(bubble);
    last = bubble.at;
  }
  return items;
}

function emptiness(user) {
  if (!server.known) return h("li.empty", {}, t("connecting"));
  if (!user) return h("li.empty", {}, t("noUser"));
  return h("li.empty", {}, botAvatar("large"), h("p", {}, t(user.following ? "sayHello" : "followFirst")));
}

// A user who does not follow the account cannot write to it, as on the phone.
function invitation(user) {
  if (!user) return h("div", {});
  return h(
    "div.invitation",
    {},
    h("button.primary", { type: "button", onclick: () => ask("follow", { user: user.id }) }, icon("follow"), t("follow")),
    h("button.quiet", { type: "button", onclick: () => scan(user) }, icon("scan"), t("followByScan")),
  );
}

function atEnd(log) {
  return log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_THE_END;
}

function toEnd(log) {
  log.scrollTop = log.scrollHeight;
}

/** Show the chat of a user. */
export function select(id) {
  set({ user: id, view: "chat", panel: null });
}
