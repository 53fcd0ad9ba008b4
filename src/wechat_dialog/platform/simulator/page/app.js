// The page's beginning: puts the parts together, and draws them when something has changed.

import { bar } from "./bar.js";
import { chat, select } from "./chat.js";
import { ask } from "./commands.js";
import { both, clear, developer, open, resend } from "./developer.js";
import { h } from "./dom.js";
import { keys } from "./keys.js";
import { sendFile } from "./panel.js";
import { people } from "./people.js";
import { kill } from "./process.js";
import { timePasses } from "./sending.js";
import { language, remember, remembered, setLanguage } from "./settings.js";
import { changed, current, onChange, own, server, set } from "./store.js";
import { listen } from "./stream.js";
import { t } from "./strings.js";
import { toast, toasts } from "./toast.js";

const NARROW = matchMedia("(max-width: 759px)");

let parts = {};

function build() {
  const show = (name) => () => { open(name); sheet(); };
  const act = { back, look, sheet, conversation: show("conversation"), bot: show("bot"), list: () => set({ view: "list" }) };
  parts = {
    bar: bar({ language: otherLanguage, bot: show("bot"), sheet }),
    people: people(lookAt),
    chat: chat(act),
    developer: developer(closeSheet),
  };
  const shade = h("div.shade", { onclick: closeSheet });
  document.body.replaceChildren(
    h("a.skip", { href: "#write", onclick: (event) => { event.preventDefault(); write(); } }, t("skipToWrite")),
    toasts(),
    parts.bar.root,
    h("div.stage", {}, h("main", {}, h("h1.unseen", {}, t("simulator")), parts.people.root, parts.chat.root), shade, parts.developer.root),
  );
  const phone = parts.chat.root;
  phone.addEventListener("dragover", (event) => event.preventDefault());
  phone.addEventListener("drop", (event) => {
    event.preventDefault();
    const file = event.dataTransfer.files[0];
    if (file && current()?.following) sendFile(file);
  });
}

function draw() {
  document.title = titleOf();
  document.body.dataset.view = own.view;
  const sheetUp = own.sheet && NARROW.matches;
  document.body.classList.toggle("sheet", sheetUp);
  document.body.classList.toggle("offline", server.known && !server.connected);
  for (const part of [parts.people, parts.chat]) part.root.inert = sheetUp;
  for (const part of Object.values(parts)) part.draw();
  const pane = parts.developer.root;
  pane.inert = NARROW.matches && !own.sheet;
  pane.setAttribute("role", sheetUp ? "dialog" : "complementary");
  if (sheetUp) pane.setAttribute("aria-modal", "true");
  else pane.removeAttribute("aria-modal");
  seen();
}

function titleOf() {
  const unread = server.users.reduce((sum, user) => sum + (user.unread ?? 0), 0);
  return `${unread ? `(${unread}) ` : ""}${server.bot.name || "wechat-dialog"}`;
}

let toldOf = null;

// Messages on the screen count as read. The server is told once for each number of unread ones.
function seen() {
  const user = current();
  const looking = own.view === "chat" || !NARROW.matches;
  if (!user?.unread || user === toldOf || !looking || document.visibilityState !== "visible") return;
  toldOf = user;
  ask("seen", { user: user.id });
}

function lookAt(id) {
  select(id);
  remember("user", id);
  write();
}

// What has the focus next may be drawn only after this; and what is typed next is for it.
const afterDrawing = (act) => queueMicrotask(act);

function write() {
  afterDrawing(() => (matchMedia("(hover: none)").matches ? parts.chat.title.focus() : parts.chat.focus()));
}

async function back(bubble) {
  const user = own.user;
  if ((await ask("back", { user, point: bubble.point })) === null) return;
  toast(t("wentBack"), "good");
  const text = (bubble.parts ?? []).map((part) => part.text).join("");
  if (bubble.kind === "text" && !own.drafts[user]) own.drafts[user] = text; // to be said anew, or otherwise
  changed();
  write();
}

function look(request) {
  own.open.add(`request ${request}`);
  set({ tab: "requests", shown: request, sheet: true });
}

function sheet() {
  set({ sheet: true });
  if (NARROW.matches) afterDrawing(() => document.getElementById(`tab-${own.tab}`).focus());
}

function closeSheet() {
  set({ sheet: false });
  afterDrawing(() => [...document.querySelectorAll(".to-sheet")].find((button) => button.checkVisibility())?.focus());
}

function otherLanguage() {
  setLanguage(language() === "zh" ? "en" : "zh");
  build();
  draw();
  document.querySelector(".language").focus();
}

function neighbour(step) {
  const place = server.users.findIndex((user) => user.id === own.user);
  const user = server.users[(place + step + server.users.length) % server.users.length];
  if (user) lookAt(user.id);
}

function escape() {
  if (own.sheet && NARROW.matches) closeSheet();
  else if (own.panel) {
    set({ panel: null });
    write();
  }
}

function heard(event) {
  if (event.type === "state") chooseUser();
  else if (event.type === "user_removed") chooseUser();
  else if (event.type === "reloaded") sayReloaded(event);
}

function chooseUser() {
  if (current()) return;
  const before = server.users.find((user) => user.id === remembered("user"));
  const user = before ?? server.users[0];
  set({ user: user?.id ?? null, view: NARROW.matches ? "list" : "chat" });
}

function sayReloaded({ error, divergence }) {
  if (error) toast(t("reloadFailed"), "bad");
  else if (divergence) toast(t("reloadDiverged"), "bad");
  else toast(t("reloaded"), "good");
}

const tab = (name) => () => {
  set({ tab: name, sheet: true });
  afterDrawing(() => document.getElementById(`tab-${name}`).focus());
};

build();
onChange(draw);
keys({
  ArrowUp: () => neighbour(-1),
  ArrowDown: () => neighbour(1),
  KeyW: write,
  KeyM: () => { set({ bar: own.bar === "menu" ? "keyboard" : "menu", panel: null }); write(); },
  KeyP: () => { set({ panel: own.panel === "plus" ? null : "plus", bar: "keyboard" }); afterDrawing(() => document.querySelector(".tile")?.focus()); },
  KeyR: resend,
  KeyB: both,
  KeyT: () => server.bot.managed && timePasses(),
  KeyL: clear,
  KeyK: kill,
  Digit1: tab("requests"),
  Digit2: tab("conversation"),
  Digit3: tab("bot"),
  Escape: escape,
});
document.addEventListener("look-at", ({ detail }) => lookAt(detail));
document.addEventListener("visibilitychange", changed);
NARROW.addEventListener("change", changed);
setInterval(changed, 15_000); // the clocks on the screen
listen(heard);
draw();
