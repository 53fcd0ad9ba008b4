// The bar at the bottom of the phone: a keyboard, or the account's menu; and what folds out below.

import { ask } from "./commands.js";
import { h, icon, iconButton } from "./dom.js";
import { menuBar } from "./menu.js";
import { faces, plus, sendFile } from "./panel.js";
import { changed, current, own, server, set } from "./store.js";
import { t } from "./strings.js";

const MOST_LINES_PX = 112;

const said = {}; // by user: what was sent, newest last, for the arrow key

/** The bar: {root, draw, focus}. */
export function composer() {
  const field = writingField();
  const menu = menuBar();
  const toggle = iconButton("menu", t("toMenu"), flip, { class: "icon-button flip" });
  const smile = iconButton("smile", t("emoticons"), () => fold("faces"), { "aria-controls": "panel" });
  const more = iconButton("add", t("moreToSend"), () => fold("plus"), { "aria-controls": "panel" });
  const send = h("button.send", { type: "button", onclick: () => submit(field) }, t("send"));
  const keys = h("div.keys", {}, field, smile, more, send);
  const panel = h("div.panel", { id: "panel" });
  const root = h("footer.composer", {}, h("div.bar", {}, toggle, keys, menu.root), panel);
  let drawnPanel = null;
  function draw() {
    const user = current();
    root.hidden = !user?.following;
    const draft = own.drafts[own.user] ?? "";
    if (field.value !== draft) {
      field.value = draft;
      grow(field);
    }
    const withMenu = server.menu.length > 0;
    const menuUp = withMenu && own.bar === "menu";
    toggle.hidden = !withMenu;
    swap(toggle, menuUp ? "keyboard" : "menu", t(menuUp ? "toKeyboard" : "toMenu"));
    keys.hidden = menuUp;
    menu.root.hidden = !menuUp;
    menu.draw();
    const full = field.value.trim() !== "";
    send.hidden = !full;
    more.hidden = full;
    const shown = menuUp ? null : own.panel;
    smile.setAttribute("aria-expanded", shown === "faces");
    more.setAttribute("aria-expanded", shown === "plus");
    if (drawnPanel !== shown) {
      panel.replaceChildren(...(shown === "plus" ? [plus()] : shown === "faces" ? [faces((code) => insert(field, code))] : []));
      drawnPanel = shown;
    }
  }
  return {
    root,
    draw,
    focus() {
      if (own.bar === "menu" && server.menu.length) menu.focus();
      else field.focus();
    },
  };
}

function writingField() {
  const field = h("textarea", { id: "write", rows: "1", "aria-label": t("write"), placeholder: "", autocomplete: "off", enterkeyhint: "send" });
  field.addEventListener("input", () => {
    own.drafts[own.user] = field.value;
    grow(field);
    changed();
  });
  field.addEventListener("keydown", (event) => key(event, field));
  field.addEventListener("focus", () => matchMedia("(hover: none)").matches && set({ panel: null }));
  field.addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    sendFile(file);
  });
  return field;
}

function key(event, field) {
  // While an input method composes, Enter chooses a word. Safari says so by 229 alone.
  if (event.isComposing || event.keyCode === 229) return;
  if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
    event.preventDefault();
    submit(field);
  } else if (event.key === "ArrowUp" && !event.altKey && field.value === "") {
    const last = said[own.user]?.at(-1);
    if (!last) return;
    event.preventDefault();
    put(field, last);
  }
}

async function submit(field) {
  const content = field.value.trim();
  const user = own.user;
  if (!content || !user) return;
  put(field, "");
  (said[user] ??= []).push(content);
  if ((await ask("text", { user, content })) === null && own.user === user && field.value === "") put(field, content);
}

function put(field, text) {
  field.value = text;
  own.drafts[own.user] = text;
  grow(field);
  changed();
}

function insert(field, text) {
  field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
  put(field, field.value);
}

// The field grows with its text. Its height is the one thing that no style sheet can know.
function grow(field) {
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, MOST_LINES_PX)}px`;
}

function flip() {
  set({ bar: own.bar === "menu" ? "keyboard" : "menu", panel: null });
}

function fold(name) {
  set({ panel: own.panel === name ? null : name });
}

function swap(button, name, label) {
  if (button.dataset.icon === name) return;
  button.dataset.icon = name;
  button.title = label;
  button.setAttribute("aria-label", label);
  button.replaceChildren(icon(name));
}
