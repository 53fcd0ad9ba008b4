// The tab of the bot: its process, its log, and what a change of its file did.

import { ask } from "./commands.js";
import { divergenceOf } from "./conversation.js";
import { h, icon, fill } from "./dom.js";
import { lastLine, second } from "./format.js";
import { server } from "./store.js";
import { spoken, t } from "./strings.js";

/** The tab: {root, draw}. */
export function processTab() {
  const top = h("div", {});
  const reload = h("div", { "aria-live": "polite" });
  const lines = h("pre.log-lines", { role: "log", tabindex: "0", "aria-label": t("log") });
  const log = h("section.card-box", {}, h("h3", {}, icon("code"), t("log")), lines);
  const root = h("div.process", {}, top, reload, log);
  function draw() {
    const { bot, account, reloaded } = server;
    fill(top, [bot.name, bot.status, bot.pid, bot.error, bot.managed, account], () => card(bot, account));
    fill(reload, [reloaded], () => reloadOf(reloaded));
    log.hidden = !bot.managed;
    const text = bot.log?.length ? bot.log.join("\n") : t("emptyLog");
    if (lines.textContent === text) return;
    const stay = lines.scrollHeight - lines.scrollTop - lines.clientHeight > 40;
    lines.textContent = text;
    if (!stay) lines.scrollTop = lines.scrollHeight;
  }
  return { root, draw };
}

function card(bot, account) {
  const error = spoken(bot.error, bot.error_zh);
  const down = bot.status === "stopped" || bot.status === "crashed";
  return h(
    "section.card-box",
    {},
    h("div.bot-head", {}, h("span.dot", { class: `dot ${bot.status}` }), h("h3", {}, bot.name), h("span.status-word", {}, t(`status_${bot.status}`))),
    h("dl.facts", {}, fact("pid", bot.pid ?? "—", bot.managed), fact("accountId", account.id), fact("mode", t(`mode_${account.mode}`)), fact("appId", account.app_id, Boolean(account.app_id))),
    error && h("div.bot-error", { role: "alert" }, h("strong", {}, icon("alert"), t(bot.status === "crashed" ? "botError" : `outage_${bot.status}`)), h("p", {}, lastLine(error)), error.includes("\n") && h("pre", { tabindex: "0" }, error)),
    bot.managed
      ? h(
          "div.bot-acts",
          {},
          h("button.danger", { type: "button", disabled: down, data: { focus: "kill" }, onclick: kill, title: t("killHint") }, icon("power"), t("kill")),
          h("button.quiet", { type: "button", data: { focus: "restart" }, onclick: restart }, icon("again"), t(down ? "start" : "restart")),
        )
      : h("p.hint", {}, t("notOurs")),
  );
}

function fact(name, value, shown = true) {
  return shown && [h("dt", {}, t(name)), h("dd", {}, String(value))];
}

function reloadOf(reloaded) {
  if (!reloaded) return h("div", {});
  const { divergence, at } = reloaded;
  const error = spoken(reloaded.error, reloaded.error_zh);
  const look = error || divergence ? "bad" : "good";
  return h(
    "section.card-box.reload",
    { class: `card-box reload ${look}` },
    h("h3", {}, icon(look === "good" ? "check" : "alert"), t(error ? "reloadFailed" : divergence ? "reloadDiverged" : "reloaded"), h("time", {}, second(at))),
    error && h("p.last-line", {}, lastLine(error)),
    error && h("pre.text", { tabindex: "0" }, error),
    divergenceOf(divergence),
  );
}

/** Kill the bot's process, as a crash of the machine would. */
export function kill() {
  return ask("kill");
}

/** Start it again. */
export function restart() {
  return ask("restart");
}
