// The list of chats: one test user each, as if their phones lay side by side.

import { avatar } from "./avatars.js";
import { preview } from "./bubbles.js";
import { h, icon, iconButton, sync } from "./dom.js";
import { brief } from "./format.js";
import { newUser } from "./sending.js";
import { now, own, server } from "./store.js";
import { t } from "./strings.js";

/** The list; `select` is called with the id of the user who was chosen. */
export function people(select) {
  const list = h("ul.people-list", { role: "list" });
  const root = h(
    "nav.people",
    { id: "people", "aria-label": t("testUsers") },
    h("div.people-head", {}, h("h2", {}, t("testUsers")), iconButton("add", t("newUser"), newUser, { data: { focus: "new-user" } })),
    list,
  );
  function draw() {
    const day = new Date(now()).toDateString();
    sync(
      list,
      server.users,
      (user) => user.id,
      (user) => [user, lastOf(user), own.user === user.id, day],
      (user) => person(user, select),
    );
  }
  return { root, draw };
}

function lastOf(user) {
  return (server.messages[user.id] ?? []).at(-1);
}

function person(user, select) {
  const last = lastOf(user);
  const says = user.typing ? t("typing") : last ? preview(last) : t(user.following ? "nothingYet" : "notFollowing");
  const unread = user.unread > 0;
  return h(
    "li",
    {},
    h(
      "button.person",
      {
        type: "button",
        "aria-current": own.user === user.id ? "true" : null,
        data: { focus: user.id, user: user.id },
        onclick: () => select(user.id),
      },
      h("span.person-picture", {}, avatar(user), unread && h("span.badge", { "aria-hidden": "true" }, String(Math.min(user.unread, 99)))),
      h(
        "span.person-words",
        {},
        h("span.person-name", {}, user.name, unread && h("span.unseen", {}, t("unread", user.unread))),
        h("span.person-says", { class: user.typing ? "person-says busy" : "person-says" }, says),
      ),
      h("span.person-side", {}, last && h("time", {}, brief(last.at, now())), !user.following && h("span.person-away", { title: t("notFollowing") }, icon("unfollow"))),
    ),
  );
}
