// A short word at the bottom of the page, which is also read out.

import { h, icon } from "./dom.js";

const LONG = 6000;
const SHORT = 3000;

let place = null;

/** Make the place where toasts appear. It is there from the start: what is added to it is read. */
export function toasts() {
  place = h("div.toasts", { role: "status", "aria-live": "polite" });
  return place;
}

/** Say `text`; `kind` is "good", "bad" or "plain". */
export function toast(text, kind = "plain") {
  const sign = { good: "check", bad: "alert", plain: "event" }[kind];
  const note = h(`div.toast.${kind}`, {}, icon(sign), h("span", {}, text));
  place.append(note);
  while (place.childElementCount > 4) place.firstElementChild.remove();
  setTimeout(() => note.remove(), kind === "bad" ? LONG : SHORT);
}
