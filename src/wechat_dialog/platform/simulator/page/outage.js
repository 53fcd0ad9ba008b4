// What is wrong with the bot as a whole: it does not run, does not answer, or answers wrongly.

import { ask } from "./commands.js";
import { h, icon } from "./dom.js";
import { lastLine } from "./format.js";
import { server } from "./store.js";
import { spoken, t } from "./strings.js";

/** What is wrong, and why, each "" where there is nothing to say. A bot that starts is waited for. */
export function outage() {
  const { bot, connected } = server;
  if (!connected || bot.status === "running" || bot.status === "starting") return { word: "", why: "" };
  return { word: t(`outage_${bot.status}`), why: lastLine(spoken(bot.error, bot.error_zh) ?? "") };
}

/** It above the chat, as the phone says that it has no network; `press` shows more. */
export function outageBar(press) {
  const { word, why } = outage();
  if (!word) return h("div", {});
  return h("button.outage", { type: "button", class: `outage ${server.bot.status}`, onclick: press, title: why, data: { focus: "outage" } }, icon("alert"), h("span", {}, h("b", {}, word), why && h("span.outage-why", {}, why)), icon("right"));
}

/** It where the conversation would be, which nobody can know now; `known` is whether an older state is shown. */
export function outageBox(known) {
  const { word, why } = outage();
  if (!word) return null;
  const { managed, status } = server.bot;
  const down = managed && (status === "stopped" || status === "crashed");
  return h(
    "div.outage-box",
    { class: `outage-box ${status}` },
    h("h3", {}, icon("alert"), word),
    why && h("p.outage-why", {}, why),
    managed && h("p.hint", {}, t(known ? "lastKnown" : "cannotKnow")),
    down && h("button.quiet", { type: "button", data: { focus: "start" }, onclick: () => ask("restart") }, icon("play"), t("start")),
  );
}
