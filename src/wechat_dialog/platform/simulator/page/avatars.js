// The small pictures beside names and bubbles.

import { h, icon } from "./dom.js";

/** A user's picture: a character of the name on the user's colour; of 小明 it is 明, of Ada it is A. */
export function avatar(user, size = "") {
  const letters = [...user.name];
  const letter = (/\p{Script=Han}$/u.test(user.name) ? letters.at(-1) : letters[0]) ?? "?";
  return h(`span.avatar.colour-${user.colour % 8}${size && "." + size}`, { "aria-hidden": "true" }, letter);
}

/** The account's picture. */
export function botAvatar(size = "") {
  return h(`span.avatar.bot${size && "." + size}`, { "aria-hidden": "true" }, icon("question"));
}
