// The forms for everything but texts: pictures, places, scans, events, signals, a user's settings.

import { avatar } from "./avatars.js";
import { ask } from "./commands.js";
import { openDialog, openForm } from "./dialogs.js";
import { h, icon } from "./dom.js";
import { samples } from "./samples.js";
import { server } from "./store.js";
import { spoken, t } from "./strings.js";
import { toast } from "./toast.js";

/** One of the painted pictures. */
export function sample(user) {
  openDialog(t("samples"), (close) =>
    h(
      "div.samples",
      {},
      samples().map(({ name, canvas }) =>
        h("button.sample", { type: "button", "aria-label": t(name), onclick: () => { close(); send(user, name, canvas); } }, canvas, h("span", {}, t(name))),
      ),
    ),
  );
}

async function send(user, name, canvas) {
  const data = canvas.toDataURL("image/jpeg", 0.9);
  await ask("image", { user: user.id, name: `${name}.jpg`, data: data.slice(data.indexOf(",") + 1) });
}

const PLACES = [
  ["天安门", 39.908722, 116.397499],
  ["东方明珠", 31.239703, 121.499718],
  ["广州塔", 23.106414, 113.324553],
  ["洪崖洞", 29.562849, 106.577376],
];

/** A place on the map. */
export function location(user) {
  const dialog = openForm(
    t("place"),
    [
      { name: "label", label: t("label"), value: PLACES[0][0] },
      { name: "latitude", label: t("latitude"), value: PLACES[0][1], kind: "number", step: "any", required: true },
      { name: "longitude", label: t("longitude"), value: PLACES[0][2], kind: "number", step: "any", required: true },
    ],
    t("send"),
    ({ label, latitude, longitude }) => ask("location", { user: user.id, label, latitude: Number(latitude), longitude: Number(longitude) }),
    [
      h("div.choices", {}, PLACES.map(([label, latitude, longitude]) =>
        h("button.chip", { type: "button", onclick: () => preset(dialog, { label, latitude, longitude }) }, label))),
    ],
  );
}

function preset(dialog, values) {
  for (const [name, value] of Object.entries(values)) dialog.querySelector(`[name=${name}]`).value = value;
}

/** A QR code with a scene; a user who does not follow the account yet does so by scanning it. */
export function scan(user) {
  openForm(
    t("scan"),
    [{ name: "scene", label: t("scene"), value: "spring2024", required: true, hint: t(user.following ? "scanHint" : "scanFollowHint") }],
    t("scan"),
    ({ scene }) => (user.following ? ask("scan", { user: user.id, scene }) : ask("follow", { user: user.id, scene })),
  );
}

/** A voice message, given by the text that the platform would recognise in it. */
export function voice(user) {
  openForm(t("voice"), [{ name: "recognition", label: t("recognition"), value: "", hint: t("recognitionHint"), kind: "lines", rows: 2 }], t("send"), ({ recognition }) =>
    ask("voice", { user: user.id, recognition }),
  );
}

/** A shared link. */
export function link(user) {
  openForm(
    t("link"),
    [
      { name: "title", label: t("title"), value: "一篇好文章", required: true },
      { name: "description", label: t("description"), value: "" },
      { name: "url", label: t("address"), value: "https://example.com/", kind: "url", required: true },
    ],
    t("send"),
    (values) => ask("link", { user: user.id, ...values }),
  );
}

const EVENTS = [
  "CLICK", "VIEW", "SCAN", "LOCATION", "subscribe", "unsubscribe", "TEMPLATESENDJOBFINISH", "MASSSENDJOBFINISH", "PUBLISHJOBFINISH", "scancode_push", "scancode_waitmsg",
  "pic_sysphoto", "pic_photo_or_album", "pic_weixin", "location_select", "view_miniprogram", "subscribe_msg_popup_event", "subscribe_msg_change_event",
  "subscribe_msg_sent_event", "kf_create_session", "kf_close_session", "user_get_card", "user_view_card", "user_enter_session_from_card", "qualification_verify_success",
];

const FIELDS = {
  VIEW: ["https://example.com/", "MenuId=400000001"],
  SCAN: ["spring2024", "Ticket=gQTicketDemo"],
  LOCATION: ["", "Latitude=39.908722\nLongitude=116.397499\nPrecision=30.000000"],
  CLICK: ["menu_1", ""],
  TEMPLATESENDJOBFINISH: ["", "MsgID=200163836\nStatus=success"],
};

/** Any event of the platform. */
export function event(user) {
  openForm(
    t("event"),
    [
      { name: "known", label: t("knownEvents"), kind: "choice", options: EVENTS.map((name) => [name, name]), changed: fillEvent },
      { name: "name", label: t("eventName"), value: EVENTS[0], required: true },
      { name: "key", label: "EventKey", value: FIELDS.CLICK[0] },
      { name: "fields", label: t("otherFields"), kind: "lines", hint: t("otherFieldsHint") },
    ],
    t("send"),
    ({ name, key, fields }) => ask("event", { user: user.id, name, key, fields: pairs(fields) }),
  );
}

function fillEvent(name, form) {
  const [key, fields] = FIELDS[name] ?? ["", ""];
  form.elements.name.value = name;
  form.elements.key.value = key;
  form.elements.fields.value = fields;
}

function pairs(lines) {
  return Object.fromEntries(
    lines.split("\n").filter((line) => line.includes("=")).map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    }),
  );
}

/** Two messages that reach the server at the same time. */
export function together(user) {
  openForm(
    t("together"),
    [
      { name: "one", label: t("firstMessage"), value: lastText(user), required: true },
      { name: "other", label: t("secondMessage"), value: lastText(user), required: true },
    ],
    t("sendBoth"),
    ({ one, other }) => ask("together", { user: user.id, contents: [one, other] }),
    [h("p.hint", {}, t("togetherHint"))],
  );
}

function lastText(user) {
  const last = (server.messages[user.id] ?? []).findLast((bubble) => bubble.from === "user" && bubble.kind === "text");
  return (last?.parts ?? []).map((part) => part.text).join("") || "1";
}

/** A signal, as an application sends one; `known` fills the form in. */
export function signal(user, known = {}) {
  openForm(
    t("sendSignal"),
    [
      { name: "name", label: t("signalName"), value: known.name ?? "paid", required: true },
      { name: "match", label: t("signalMatch"), value: known.match ?? "" },
      { name: "data", label: t("signalData"), value: "", kind: "lines", rows: 3 },
      { name: "id", label: t("signalId"), value: "" },
    ],
    t("send"),
    async (values) => {
      const answer = await ask("signal", { user, ...values });
      if (answer) toast(spoken(answer.english, answer.chinese), "good");
      return answer;
    },
    [h("p.hint", {}, t("sendSignalHint"))],
  );
}

/** Time that passes, of any length. */
export function timePasses() {
  openForm(
    t("letTimePass"),
    [
      { name: "count", label: t("howLong"), value: "61", kind: "number", min: "0", step: "any", required: true },
      { name: "unit", label: t("unit"), kind: "choice", options: [["1", t("unitSecond")], ["60", t("unitMinute")], ["3600", t("unitHour")], ["86400", t("unitDay")]] },
    ],
    t("letTimePass"),
    ({ count, unit }) => ask("advance", { seconds: Number(count) * Number(unit) }),
  );
}

/** A new test user, who is then looked at. */
export function newUser() {
  openForm(t("newUser"), [{ name: "name", label: t("name"), hint: t("nameHint") }], t("create"), async ({ name }) => {
    const made = await ask("new_user", name ? { name } : {});
    if (made?.id) document.dispatchEvent(new CustomEvent("look-at", { detail: made.id }));
    return made;
  });
}

/** The user's name and OpenID, and what can be done with the chat. */
export function profile(user) {
  openDialog(t("profile"), (close) => {
    const act = (label, sign, command, look = "quiet") =>
      h(`button.${look}`, { type: "button", onclick: () => { close(); ask(command, { user: user.id }); } }, icon(sign), t(label));
    return [
      h("div.profile", {}, avatar(user, "large"), h("div", {}, h("strong", {}, user.name), h("code", {}, user.id))),
      h("dl.facts", {}, fact("account", server.bot.name), fact("accountId", server.account.id), fact("mode", t(`mode_${server.account.mode}`)), server.account.app_id && fact("appId", server.account.app_id)),
      h(
        "div.profile-acts",
        {},
        user.following ? act("unfollow", "unfollow", "unfollow") : act("follow", "follow", "follow"),
        act("clearChat", "broom", "clear"),
        server.users.length > 1 && act("removeUser", "trash", "remove_user", "danger"),
      ),
    ];
  });
}

function fact(name, value) {
  return [h("dt", {}, t(name)), h("dd", {}, value)];
}
