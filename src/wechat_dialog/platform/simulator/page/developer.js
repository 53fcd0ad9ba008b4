// The developer's pane: what the phone does not show. A column beside it, or a sheet over it.

import { ask } from "./commands.js";
import { conversationTab } from "./conversation.js";
import { h, icon, iconButton } from "./dom.js";
import { processTab } from "./process.js";
import { requestsTab } from "./requests.js";
import { timePasses, together } from "./sending.js";
import { current, own, server, set } from "./store.js";
import { t } from "./strings.js";
import { toast } from "./toast.js";

const TABS = { requests: ["tabRequests", requestsTab], conversation: ["tabConversation", conversationTab], bot: ["tabBot", processTab] };
const PASSING = [["minute", 60], ["hour", 3600], ["day", 86_400]];

/** The pane: {root, draw}. `close` closes the sheet. */
export function developer(close) {
  const tools = toolbar();
  const tabs = {};
  const bodies = {};
  const bar = h("div.tabs", { role: "tablist", "aria-label": t("developer") });
  for (const [name, [label, make]] of Object.entries(TABS)) {
    const body = make();
    const panel = h("div.tab-body", { role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}`, tabindex: "0" }, body.root);
    tabs[name] = h("button.tab", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`, onclick: () => open(name) }, h("span", {}, t(label)), h("span.tab-count", {}));
    bodies[name] = { panel, draw: body.draw };
    bar.append(tabs[name]);
  }
  bar.addEventListener("keydown", (event) => walk(event, tabs));
  const root = h(
    "div.developer",
    { id: "developer", role: "complementary", "aria-label": t("developer") },
    h("h2.unseen", {}, t("developer")),
    h("div.developer-head", {}, bar, iconButton("close", t("close"), close, { class: "icon-button close-sheet" })),
    tools.root,
    Object.values(bodies).map(({ panel }) => panel),
  );
  function draw() {
    own.fresh.delete(own.tab);
    for (const name of Object.keys(TABS)) {
      const chosen = own.tab === name;
      tabs[name].setAttribute("aria-selected", chosen);
      tabs[name].tabIndex = chosen ? 0 : -1;
      tabs[name].classList.toggle("fresh", own.fresh.has(name));
      tabs[name].title = own.fresh.get(name) ?? "";
      bodies[name].panel.hidden = !chosen;
      if (chosen) bodies[name].draw();
    }
    count(tabs.requests, (server.requests[own.user] ?? []).length);
    count(tabs.conversation, server.conversations[own.user]?.journal?.length ?? 0);
    tools.draw();
  }
  return { root, draw };
}

/** Turn to a tab. */
export function open(name) {
  set({ tab: name });
}

function count(tab, number) {
  tab.lastChild.textContent = number ? String(number) : "";
}

function walk(event, tabs) {
  const names = Object.keys(tabs);
  const at = names.indexOf(own.tab);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + names.length, Home: 0, End: names.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const name = names[to % names.length];
  open(name);
  tabs[name].focus();
}

function toolbar() {
  const button = (name, sign, act, key) => h("button.tool", { type: "button", title: `${t(name + "Hint")} (Alt+${key})`, "aria-keyshortcuts": `Alt+${key}`, onclick: act, data: { tool: name } }, icon(sign), h("span", {}, t(name)));
  const forUser = [
    button("resend", "again", resend, "R"),
    button("together", "together", both, "B"),
    button("clear", "broom", clear, "L"),
  ];
  const passing = h(
    "div.passing",
    { role: "group", "aria-label": t("letTimePass") },
    h("span.passing-label", { title: t("letTimePassHint") }, icon("clock"), h("span", {}, t("letTimePass"))),
    PASSING.map(([name, seconds]) => h("button.step-time", { type: "button", "aria-label": t("pass", t(name)), data: { seconds }, onclick: () => pass(seconds, t(name)) }, t(name))),
    h("button.step-time", { type: "button", "aria-label": t("passOther"), title: `${t("passOther")} (Alt+T)`, "aria-keyshortcuts": "Alt+T", onclick: timePasses }, "…"),
  );
  const root = h("div.toolbar", { role: "group", "aria-label": t("tools") }, h("div.tool-group", {}, forUser), passing);
  return {
    root,
    draw() {
      const user = current();
      for (const one of forUser) one.disabled = !user;
      passing.hidden = !server.bot.managed;
    },
  };
}

async function pass(seconds, name) {
  if (await ask("advance", { seconds })) toast(t("passed", name), "plain");
}

/** The last message once more. */
export function resend() {
  return ask("resend", { user: own.user });
}

/** Two messages at once. */
export function both() {
  if (current()) together(current());
}

/** An empty chat. */
export async function clear() {
  if (await ask("clear", { user: own.user })) toast(t("cleared"), "good");
}
