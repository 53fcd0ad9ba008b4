// The tab of requests: each copy of each message with its bytes, and which rule was broken.

import { code, xmlCode } from "./code.js";
import { placesOf, stateOf } from "./bubbles.js";
import { h, icon, sync } from "./dom.js";
import { digest, moment, second, tidy, took } from "./format.js";
import { now, own, server, toggle } from "./store.js";
import { spoken, t } from "./strings.js";

const WINDOW = 5; // seconds after which the platform hangs up, where the server does not say
const COPIES = 3;

/** The tab: {root, draw}. */
export function requestsTab() {
  const list = h("ol.groups", {});
  const empty = h("p.nothing", {}, icon("code"), h("span", {}, t("noRequests")));
  const root = h("div.requests", {}, empty, list);
  setInterval(() => tick(list), 100);
  function draw() {
    const requests = server.requests[own.user] ?? [];
    empty.hidden = requests.length > 0;
    sync(
      list,
      grouped(requests),
      (group) => group[0].id,
      (group) => group.flatMap((request) => [request, own.open.has(name(request)), own.shown === request.id]),
      groupOf,
    );
    if (own.shown !== null) reveal(list);
  }
  return { root, draw };
}

const name = (request) => `request ${request.id}`;

// Newest first: developers look for the latest one. Copies of a message stay in their order.
function grouped(requests) {
  const groups = new Map();
  for (const request of requests) {
    const key = request.method === "API" ? `api ${request.id}` : request.message ?? request.id;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(request);
  }
  return [...groups.values()].reverse();
}

function reveal(list) {
  const row = list.querySelector(`[data-request="${own.shown}"]`);
  if (!row) return;
  own.shown = null;
  row.scrollIntoView({ block: "start" });
  row.querySelector("button").focus({ preventScroll: true });
}

function groupOf(group) {
  const [first] = group;
  const { kind, says } = first.method === "API" ? { kind: "API", says: pathOf(first.url) } : digest(first.plain || first.body);
  return h(
    "li.group",
    { class: `group ${group.some((request) => request.problem) ? "bad" : ""}` },
    h("div.group-head", {}, h("span.kind", {}, kind || first.method), h("span.says", { title: says }, says), h("time", { title: moment(first.at) }, second(first.at))),
    h("ol.copies-list", {}, group.map(row)),
  );
}

function row(request) {
  const state = stateOf(request);
  const open = own.open.has(name(request));
  const id = `request-${request.id}`;
  return h(
    "li.request",
    { class: `request ${state}`, data: { request: request.id } },
    h(
      "button.request-head",
      { type: "button", "aria-expanded": open, "aria-controls": open ? id : null, data: { focus: name(request) }, onclick: () => toggle(name(request)) },
      h("span.request-sign", {}, icon({ open: "wait", good: "check", bad: "cross" }[state]), h("span.unseen", {}, t(state))),
      h("span.number", {}, request.method === "API" ? "API" : `${request.number}/${request.of ?? COPIES}`),
      h("span.outcome", {}, outcome(request)),
      request.open ? timer(request) : h("span.took", {}, took(request.seconds)),
      icon(open ? "down" : "right"),
    ),
    request.problem && h("p.problem", {}, icon("alert"), h("span", {}, spoken(request.problem, request.problem_zh))),
    placesOf(request.open ? "doing" : "wasDoing", request.doing),
    open && h("div.request-body", { id }, detail(request)),
  );
}

function outcome(request) {
  if (request.open) return t("waiting");
  if (!request.status) return t("noAnswer");
  const reply = request.reply || request.answer;
  const { kind, says } = digest(reply);
  const words = says.replace(/<[^>]*>/g, ""); // the markup of links is in the detail
  return [h("b", {}, String(request.status)), " ", kind ? `${kind} ${words}` : reply ? reply.slice(0, 60) : t("emptyAnswer")];
}

function timer(request) {
  const most = request.window ?? WINDOW;
  return h("span.timer", {}, h("progress", { max: String(most), "aria-label": t("waiting"), data: { at: request.at } }), h("span.took", { data: { at: request.at } }));
}

// A request that waits shows how long, many times a second; nothing else is drawn for that.
function tick(list) {
  for (const part of list.querySelectorAll(".timer [data-at]")) {
    const seconds = Math.max(0, now() - Number(part.dataset.at)) / 1000;
    if (part.tagName === "PROGRESS") part.value = Math.min(seconds, part.max);
    else part.textContent = `${seconds.toFixed(1)} s`;
  }
}

function detail(request) {
  const api = request.method === "API";
  return [
    part(api ? t("calledUs") : t("request"), h("div.url", {}, h("b", {}, api ? "" : request.method), ` ${(request.url ?? "").split("?")[0]}`), table(request.query)),
    request.plain && part(t("plainMessage"), xmlCode(request.plain, name(request) + " plain")),
    request.body && request.body !== request.plain && part(t("bodyAsSent"), show(request.body, name(request) + " body")),
    headersOf(request),
    !request.open && part(t("answer"), h("div.url", {}, h("b", {}, request.status ? `HTTP ${request.status}` : t("noAnswer")), ` · ${took(request.seconds)} · ${t("bytes", new TextEncoder().encode(request.answer ?? "").length)}`), request.reply ? xmlCode(request.reply, name(request) + " reply") : request.answer ? show(request.answer, name(request) + " answer") : null),
    !request.open && request.reply && request.answer !== request.reply && part(t("answerAsSent"), show(request.answer, name(request) + " raw")),
  ];
}

function show(text, key) {
  return text.trim().startsWith("<") ? xmlCode(text, key) : code(tidy(text), key);
}

function headersOf(request) {
  const headers = Object.entries(request.headers ?? {});
  return headers.length > 0 && h("details.part", { data: { keep: "headers" } }, h("summary", {}, t("headers")), table(request.headers));
}

function part(title, ...content) {
  return h("section.part", {}, h("h3", {}, title), content);
}

function table(values) {
  const entries = Object.entries(values ?? {});
  if (!entries.length) return null;
  return h("table.values", {}, h("tbody", {}, entries.map(([key, value]) => h("tr", {}, h("th", { scope: "row" }, key), h("td", {}, String(value))))));
}

function pathOf(url) {
  try {
    return new URL(url, location.href).pathname;
  } catch {
    return url;
  }
}
