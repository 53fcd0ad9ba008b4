// The phone's own browser, in which it opens the bot's answer pages: over the chat, within the
// phone, as WeChat's does.

import { showLink } from "./dialogs.js";
import { fill, h, iconButton } from "./dom.js";
import { t } from "./strings.js";

let current = null;

/** Open an answer page; `name` is what was tapped, its title until it has one. */
export function showPage(name, url) {
  current.open(name, url);
}

/** The browser; `covered` are the phone's parts that it lies over. */
export function browser(covered) {
  const title = h("h3.browser-title", {});
  const view = h("div.browser-view", {});
  const root = h("section.browser", { "aria-label": t("phoneBrowser"), hidden: true, onkeydown: escape }, h("header.browser-head", {}, iconButton("close", t("close"), close), title), view);
  let tapped = null;

  function open(name, url) {
    tapped ??= document.activeElement;
    root.hidden = false;
    for (const part of covered) part.inert = true;
    title.textContent = name;
    fill(view, [url], () => page(name, url));
    root.querySelector("button").focus();
  }

  function page(name, url) {
    const frame = h("iframe", { src: url, title: name });
    frame.addEventListener("load", () => {
      const shown = frame.contentDocument;
      if (!shown) return; // it has been closed, or leads elsewhere
      title.textContent = shown.title || name;
      shown.addEventListener("keydown", escape);
      shown.addEventListener("click", leave);
    });
    return frame;
  }

  function escape(event) {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  }

  // A link on the page: the phone would follow it, but the simulator shows no other sites.
  function leave(event) {
    const link = event.target.closest("a[href]");
    if (!link) return;
    event.preventDefault();
    showLink(link.textContent, link.href);
  }

  function close() {
    if (root.hidden) return;
    root.hidden = true;
    fill(view, [], () => h("div", {})); // it is not followed any longer
    for (const part of covered) part.inert = false;
    if (tapped?.isConnected) tapped.focus();
    tapped = null;
  }

  current = { root, open, close };
  return current;
}
