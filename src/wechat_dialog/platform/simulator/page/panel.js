// What folds out below the bar: the "+" panel, and the emoticons.

import { ask } from "./commands.js";
import { h, icon } from "./dom.js";
import { EMOTICONS } from "./emoticons.js";
import { event, link, location, sample, scan, voice } from "./sending.js";
import { current, own, set } from "./store.js";
import { t } from "./strings.js";
import { toast } from "./toast.js";

const LARGEST = 10 * 1024 * 1024; // the platform takes pictures of up to 10 MB

/** The "+" panel. */
export function plus() {
  const file = h("input", { type: "file", accept: "image/*", hidden: true, tabindex: "-1", "aria-label": t("file") });
  file.addEventListener("change", () => file.files[0] && sendFile(file.files[0]));
  const user = current();
  const tiles = [
    ["picture", "file", () => file.click()],
    ["gallery", "samples", () => sample(user)],
    ["place", "place", () => location(user)],
    ["scan", "scan", () => scan(user)],
    ["microphone", "voice", () => voice(user)],
    ["link", "link", () => link(user)],
    ["event", "event", () => event(user)],
    ["unfollow", "unfollow", () => ask("unfollow", { user: user.id })],
  ];
  return h(
    "div.tiles",
    { role: "group", "aria-label": t("moreToSend") },
    tiles.map(([sign, name, press]) =>
      h("button.tile", { type: "button", data: { send: name }, onclick: () => { press(); if (name !== "file") set({ panel: null }); } }, h("span.tile-sign", {}, icon(sign)), h("span", {}, t(name))),
    ),
    file,
  );
}

/** The emoticons; `put` gets the code of the one that was chosen. */
export function faces(put) {
  return h(
    "div.faces",
    { role: "group", "aria-label": t("emoticons") },
    EMOTICONS.map(({ code, name, face }) => h("button", { type: "button", title: `${name} ${code}`, "aria-label": name, onclick: () => put(code) }, face)),
  );
}

/** Send a picture from a file, the clipboard, or dropped on the phone. */
export async function sendFile(file) {
  const user = own.user;
  set({ panel: null });
  if (!file.type.startsWith("image/")) return toast(t("noPicture"), "bad");
  if (file.size > LARGEST) return toast(t("tooLarge"), "bad");
  await ask("image", { user, name: file.name, data: await base64(file) });
}

/** The bytes of a file or blob in base64. */
export function base64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}
