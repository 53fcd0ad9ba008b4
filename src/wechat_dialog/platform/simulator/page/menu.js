// The account's menu at the bottom of the phone, with its sub-menus.

import { showLink } from "./dialogs.js";
import { ask } from "./commands.js";
import { h, icon, sync } from "./dom.js";
import { own, server } from "./store.js";
import { t } from "./strings.js";

/** The bar with the menu's buttons: {root, draw, focus}. */
export function menuBar() {
  const root = h("div.menu-bar", { role: "group", "aria-label": t("accountMenu") });
  const close = (event) => {
    if (!event.target.closest?.(".menu-item")) closeAll(root);
  };
  document.addEventListener("pointerdown", close);
  return {
    root,
    draw() {
      sync(root, server.menu, (button) => server.menu.indexOf(button), (button) => [JSON.stringify(button)], (button) => item(button, server.menu.indexOf(button), root));
    },
    focus() {
      root.querySelector("button")?.focus();
    },
  };
}

function item(button, index, bar) {
  if (!button.sub?.length) {
    return h("div.menu-item", {}, h("button", { type: "button", data: { focus: `menu ${index}` }, onclick: () => press([index], button) }, button.name));
  }
  const id = `menu-${index}`;
  const list = h("div.sub-menu", { role: "menu", id, "aria-label": button.name, hidden: true });
  const opener = h("button", { type: "button", "aria-haspopup": "menu", "aria-expanded": "false", "aria-controls": id, data: { focus: `menu ${index}` } }, icon("lines"), button.name);
  button.sub.forEach((sub, j) =>
    list.append(
      h("button", { type: "button", role: "menuitem", tabindex: "-1", onclick: () => { fold(opener, list); opener.focus(); press([index, j], sub); } }, sub.name),
    ),
  );
  opener.addEventListener("click", () => {
    const open = list.hidden;
    closeAll(bar);
    if (open) unfold(opener, list);
  });
  opener.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    event.preventDefault();
    closeAll(bar);
    unfold(opener, list);
  });
  list.addEventListener("keydown", (event) => walk(event, opener, list));
  return h("div.menu-item", {}, opener, list);
}

function walk(event, opener, list) {
  const items = [...list.children];
  const at = items.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, Home: 0, End: items.length - 1 }[event.key];
  if (to !== undefined) {
    event.preventDefault();
    items[to % items.length].focus();
  } else if (event.key === "Escape") {
    event.stopPropagation();
    fold(opener, list);
    opener.focus();
  } else if (event.key === "Tab") {
    fold(opener, list);
  }
}

function unfold(opener, list) {
  list.hidden = false;
  opener.setAttribute("aria-expanded", "true");
  list.firstElementChild.focus();
}

function fold(opener, list) {
  list.hidden = true;
  opener.setAttribute("aria-expanded", "false");
}

function closeAll(bar) {
  for (const opener of bar.querySelectorAll("[aria-expanded=true]")) fold(opener, opener.nextElementSibling);
}

async function press(index, button) {
  const answer = await ask("menu", { user: own.user, index });
  if (answer && button.type === "view") showLink(button.name, button.url ?? "");
}
