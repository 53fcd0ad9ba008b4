// Keyboard shortcuts. All of them use Alt, so that none interferes with what is typed; they
// are recognised by the key's position, since Option changes the characters on a Mac.

import { h } from "./dom.js";
import { openDialog } from "./dialogs.js";
import { t } from "./strings.js";

const SHORTCUTS = [
  ["Enter", "keySend"],
  ["Shift+Enter", "keyNewLine"],
  ["↑", "keyAgain"],
  ["Alt+↑ / Alt+↓", "keyUsers"],
  ["Alt+W", "keyWrite"],
  ["Alt+M", "keyMenu"],
  ["Alt+P", "keyPlus"],
  ["Alt+R", "keyResend"],
  ["Alt+B", "keyBoth"],
  ["Alt+T", "keyTime"],
  ["Alt+L", "keyClear"],
  ["Alt+K", "keyKill"],
  ["Alt+1 / 2 / 3", "keyTabs"],
  ["Esc", "keyEscape"],
  ["?", "keyHelp"],
];

/** Listen for shortcuts; `acts` has a function for a code ("KeyR", "ArrowUp", "Escape"). */
export function keys(acts) {
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    const typing = event.target.closest?.("input, textarea, select");
    if (event.key === "?" && !typing) return help();
    const name = event.key === "Escape" ? "Escape" : event.altKey && !event.ctrlKey && !event.metaKey ? event.code : "";
    const act = acts[name];
    if (!act || event.isComposing) return;
    event.preventDefault();
    act();
  });
}

/** Show what there is. */
export function help() {
  openDialog(t("help"), () => [
    h("table.shortcuts", {}, h("tbody", {}, SHORTCUTS.map(([key, does]) => h("tr", {}, h("th", { scope: "row" }, key.split(/( \/ |\+)/).map((one) => (/^( \/ |\+)$/.test(one) ? one : h("kbd", {}, one)))), h("td", {}, t(does)))))),
    h("p.hint", {}, t("helpMore")),
  ]);
}
