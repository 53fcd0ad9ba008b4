// The bar at the top: which bot this is, what time it is there, language and theme.

import { h, icon, iconButton, fill } from "./dom.js";
import { ahead, hour } from "./format.js";
import { help } from "./keys.js";
import { outage } from "./outage.js";
import { language, setTheme, theme } from "./settings.js";
import { now, server } from "./store.js";
import { t } from "./strings.js";

const THEMES = { system: ["half", "themeSystem", "light"], light: ["sun", "themeLight", "dark"], dark: ["moon", "themeDark", "system"] };

/** The bar: {root, draw}; `act` is {language(), bot(), sheet()}. */
export function bar(act) {
  const status = h("button.bot-chip", { type: "button", onclick: act.bot });
  const clock = h("span.clock-chip", { title: t("simulatedClock") });
  const look = iconButton("half", "", turn);
  const root = h(
    "header.top",
    {},
    h("span.brand", {}, h("img", { src: "/assets/icon.svg", alt: "", width: "22", height: "22" }), h("b", {}, "wechat-dialog")),
    status,
    clock,
    h(
      "span.top-tools",
      {},
      iconButton("code", t("developer"), act.sheet, { class: "icon-button to-sheet", "aria-haspopup": "dialog" }),
      h("button.language", { type: "button", onclick: act.language, lang: language() === "zh" ? "en" : "zh-CN", title: t("otherLanguageName") }, t("otherLanguage")),
      look,
      iconButton("help", t("help"), help, { "aria-keyshortcuts": "?" }),
    ),
  );
  function turn() {
    setTheme(THEMES[theme()][2]);
    draw();
  }
  function draw() {
    const { bot, connected, known } = server;
    status.title = Object.values(outage()).filter(Boolean).join("\n");
    fill(status, [bot.name, bot.status, connected], () => {
      const word = connected ? t(`status_${bot.status}`) : t(known ? "reconnecting" : "connecting");
      return h("span", {}, h("span.dot", { class: `dot ${connected ? bot.status : "stopped"}` }), h("span.bot-name", {}, bot.name), h("span.bot-status", {}, word));
    });
    const shift = ahead(server.ahead);
    clock.hidden = !known || !shift;
    fill(clock, [hour(now()), shift], () => h("span", {}, icon("clock"), hour(now()), " ", h("b", {}, shift)));
    const [sign, name] = THEMES[theme()];
    look.replaceChildren(icon(sign));
    look.title = t(name);
    look.setAttribute("aria-label", t(name));
  }
  return { root, draw };
}
