// The tab of the conversation: its journal as it grows, and the question it waits at.

import { code } from "./code.js";
import { ask } from "./commands.js";
import { h, icon, fill, sync } from "./dom.js";
import { left, moment, second, tidy } from "./format.js";
import { outage, outageBox } from "./outage.js";
import { signal } from "./sending.js";
import { now, own, server, toggle } from "./store.js";
import { spoken, t } from "./strings.js";
import { toast } from "./toast.js";

const SIGNS = { message: "person", step: "step", error: "alert", rewind: "rewind", interrupt: "event", begin: "play", question: "question", timer: "clock", signal: "event" };

/** The tab: {root, draw}. */
export function conversationTab() {
  const top = h("div", {});
  const journal = h("ol.journal", { "aria-label": t("journal") });
  const rest = h("div", {});
  const root = h("div.conversation", {}, top, journal, rest);
  setInterval(() => tick(root), 500);
  function draw() {
    const conversation = server.conversations[own.user] ?? null;
    const { managed, status } = server.bot;
    fill(top, [conversation, managed, status, ...Object.values(outage())], () => head(conversation));
    const records = conversation?.journal ?? [];
    const first = conversation?.divergence?.position ?? Infinity;
    journal.hidden = !records.length;
    sync(
      journal,
      records.map((record, place) => ({ record, place })),
      ({ place }) => `${conversation.id} ${place}`,
      ({ record, place }) => [JSON.stringify(record), own.open.has(name(place)), lost(record, place, first)],
      ({ record, place }) => entry(record, place, lost(record, place, first)),
    );
    const unfolded = [...own.open].filter((one) => one.startsWith("record ")).join();
    fill(rest, [conversation, unfolded], () => below(conversation));
    tick(root);
  }
  return { root, draw };
}

const name = (place, id = "") => `record ${own.user} ${id}${place}`;

function lost(record, place, first) {
  return (record.position ?? place) >= first;
}

function head(conversation) {
  const { managed, status } = server.bot;
  const trouble = outageBox(Boolean(conversation));
  if (!managed) return h("div", {}, trouble, nothing("noJournal"));
  // Of a bot that does not answer nobody knows whether a conversation is running.
  if (!conversation && status !== "running") return trouble ? h("div", {}, trouble) : nothing(`status_${status}`);
  if (!conversation?.dialog) return h("div", {}, trouble, divergenceOf(conversation?.divergence, conversation?.journal), !trouble && nothing("noConversation"));
  const { dialog, version, id, began, waiting, expires, depth } = conversation;
  return h(
    "div",
    {},
    trouble,
    divergenceOf(conversation.divergence, conversation.journal),
    h(
      "div.card-box",
      {},
      h("div.dialog-name", {}, h("h3", {}, dialog), version && h("span.chip.small", {}, `v${version}`), depth > 1 && h("span.chip.small", {}, t("depth", depth))),
      h("div.meta", {}, t("began", second(began)), h("code", { title: t("conversationId") }, id)),
      waiting && h("div.waiting", {}, icon("question"), h("div", {}, h("span.waiting-label", {}, t("waitsAt")), h("p", {}, waiting.prompt || "—"), h("small", {}, waiting.kind, waiting.key ? ` · ${waiting.key}` : ""), rivals(waiting.waits))),
      expires && expiry(began, expires),
    ),
  );
}

function nothing(text) {
  return h("p.nothing", {}, icon("question"), h("span", {}, t(text)));
}

function expiry(began, expires) {
  return h("div.expiry", {}, icon("clock"), h("span.left-label", {}, t("expiresIn")), h("b.left", { data: { expires } }), h("time", { title: moment(expires) }, second(expires)));
}

function tick(root) {
  const part = root.querySelector(".left");
  if (!part) return;
  const ms = Number(part.dataset.expires) - now();
  part.textContent = ms > 0 ? left(ms) : t("expired");
  part.previousElementSibling.hidden = ms <= 0;
  part.parentElement.classList.toggle("soon", ms < 15_000);
}

/**
 * What a change of the code did to this conversation; null if there is nothing to say.
 * `journal` tells what the user had said there, where it is known.
 */
export function divergenceOf(divergence, journal = []) {
  if (!divergence) return null;
  const record = journal.find((one, place) => (one.position ?? place) === divergence.position);
  const { dialog, position, file, line, zh } = divergence;
  const [expected, found, text] = ["expected", "found", "text"].map((name) => spoken(divergence[name], zh?.[name]));
  return h(
    "div.divergence",
    { role: "alert" },
    h("h3", {}, icon("alert"), t("diverged")),
    h("p", {}, t("divergedAt", dialog ?? "", position ?? "?")),
    h("dl", {}, h("div.was", {}, h("dt", {}, t("expected")), h("dd", {}, record && h("q", {}, record.title), expected ?? "—")), h("div.is", {}, h("dt", {}, t("found")), h("dd", {}, found ?? t("nothingMore")))),
    file && h("p.file", {}, h("code", {}, line ? `${file}:${line}` : file)),
    text && h("pre.text", {}, text),
  );
}

function entry(record, place, isLost, of = "") {
  const called = name(place, of);
  const open = own.open.has(called);
  const id = `record-${of}${place}`;
  return h(
    "li.record",
    { class: `record of-${record.kind}${isLost ? " lost" : ""}` },
    h("span.record-sign", {}, icon(SIGNS[record.kind] ?? "box")),
    h(
      "div.record-body",
      {},
      h(
        "button.record-head",
        { type: "button", "aria-expanded": open, "aria-controls": open ? id : null, data: { focus: called }, onclick: () => toggle(called) },
        h("span.record-kind", {}, t(KINDS.has(record.kind) ? `kind_${record.kind}` : "kind_other", record.kind)),
        h("span.record-title", {}, record.title),
        isLost && h("span.chip.small", {}, t("lost")),
        icon(open ? "down" : "right"),
      ),
      record.detail && h("p.record-detail", {}, record.detail),
      open && h("div", { id }, code(tidy(record.raw ?? ""), called + " raw")),
    ),
  );
}

const KINDS = new Set(["message", "step", "error", "rewind", "interrupt", "timer", "signal"]);

function below(conversation) {
  if (!conversation) return h("div", {}, server.bot.managed && signalButton());
  const { held, data, parked, aside, owed, mail } = conversation;
  const kept = data && Object.keys(data).length > 0;
  return h(
    "div",
    {},
    aside?.length > 0 && box("clock", t("aside", aside.length), h("p.hint", {}, t("asideHint")), h("ol.held", {}, aside.map(asideOf))),
    mail?.length > 0 && box("event", t("mail", mail.length), h("ol.held", {}, mail.map((one) => h("li", {}, h("code", {}, [one.name, one.match, one.data].filter(Boolean).join(" ")))))),
    owed?.length > 0 && box("hold", t("owed", owed.length), h("p.hint", {}, t("owedHint")), h("ol.held", {}, owed.map((said) => h("li", {}, said)))),
    held?.length > 0 && box("hold", t("held", held.length), h("p.hint", {}, t("heldHint")), h("ol.held", {}, held.map((answer) => h("li", {}, answer)))),
    kept && box("box", t("data"), code(JSON.stringify(data, null, 2), "data")),
    parked?.length > 0 && box("alert", t("parked", parked.length), h("p.hint", {}, t("parkedHint")), parked.map((one) => parkedOf(own.user, one))),
    signalButton(),
  );
}

function asideOf({ id, dialog, version, state, waits, journal }) {
  return h(
    "li.aside",
    {},
    h("b", {}, dialog),
    version && h("span.chip.small", {}, `v${version}`),
    state === "waits to ask" && h("small", {}, t("waitsToAsk")),
    rivals(waits),
    journal.length > 0 && h("ol.journal", { "aria-label": t("journal") }, journal.map((record, place) => entry(record, place, false, `${id}-`))),
  );
}

// What else ends a wait: signals, each with a button that sends it, and times.
function rivals(waits) {
  return (waits ?? []).map(({ name, match, due, limit }) =>
    h(
      "small.rival",
      {},
      icon(name ? "event" : "clock"),
      name
        ? [t("forSignal", match ? `${name} (${match})` : name), h("button.chip", { type: "button", onclick: () => signal(own.user, { name, match }) }, t("sendSignal"))]
        : h("time", { title: moment(due) }, t(limit ? "limitedTo" : "untilTime", moment(due))),
    ),
  );
}

function signalButton() {
  return h("button.quiet", { type: "button", title: t("sendSignalHint"), data: { focus: "signal" }, onclick: () => signal(own.user) }, icon("event"), t("sendSignal"));
}

function box(sign, title, ...content) {
  return h("section.card-box", {}, h("h3", {}, icon(sign), title), content);
}

function parkedOf(user, { id, error, error_zh, traceback }) {
  return h(
    "details.parked",
    { open: true },
    h("summary", {}, h("b", {}, spoken(error, error_zh)), h("code", {}, id)),
    code(traceback ?? "", `parked ${id}`),
    h("button.resume", { type: "button", title: t("resumeHint"), data: { focus: `resume ${id}` }, onclick: () => resume(user, id) }, t("resume")),
  );
}

async function resume(user, id) {
  const answer = await ask("resume", { user, id });
  if (answer) answer.resumed ? toast(t("resumed")) : toast(t("brokeAgain"), "bad");
}
