// One message as the phone shows it.

import { avatar, botAvatar } from "./avatars.js";
import { showPage } from "./browser.js";
import { ask } from "./commands.js";
import { showPicture } from "./dialogs.js";
import { h, icon, iconButton } from "./dom.js";
import { face } from "./emoticons.js";
import { took } from "./format.js";
import { current, own, server } from "./store.js";
import { spoken, t } from "./strings.js";

/** What the list of chats says of a message, in one line. */
export function preview(bubble) {
  const words = (bubble.parts ?? []).map((part) => (part.emoticon ? face(part.emoticon) ?? part.text : part.text)).join("");
  const tag = PREVIEWS[bubble.kind];
  if (bubble.kind === "silence") return silence(bubble);
  if (bubble.kind === "parked" || bubble.kind === "refused") return spoken(bubble.why, bubble.why_zh);
  if (bubble.kind === "news") return `[${t("link")}] ${bubble.articles?.[0]?.title ?? ""}`;
  return tag ? `[${t(tag)}] ${bubble.title ?? bubble.location?.label ?? words}` : words;
}

const PREVIEWS = { image: "picture", voice: "voice", video: "video", shortvideo: "video", music: "music", location: "place", link: "link" };

/**
 * The element of a message.
 * @param {object} bubble
 * @param {object[]} copies the requests that carried it, in order
 * @param {function} act {back(bubble), look(request id), conversation()}
 */
export function bubbleOf(bubble, copies, act) {
  if (bubble.kind === "fault") return faultOf(bubble, copies, act);
  if (bubble.kind === "parked") return brokenOf(bubble, act);
  if (bubble.kind === "refused") return refusedOf(bubble);
  if (bubble.kind === "silence") return h("li.notice", { data: { bubble: bubble.id } }, h("span.words", {}, silence(bubble)));
  if (bubble.from === "system" || bubble.kind === "notice") return h("li.notice", { data: { bubble: bubble.id } }, words(bubble));
  if (bubble.kind === "event") return eventOf(bubble, copies, act);
  const mine = bubble.from === "user";
  return h(
    "li.message",
    { class: `message ${mine ? "mine" : "theirs"}`, data: { bubble: bubble.id } },
    mine ? avatar(current() ?? { name: "?", colour: 0 }) : botAvatar(),
    h(
      "div.message-body",
      {},
      h("span.unseen", {}, mine ? t("youSaid") : t("botSaid")),
      h("div.message-row", {}, (DRAWN[bubble.kind] ?? textOf)(bubble), actionsOf(bubble, copies, act)),
      copiesOf(copies, act),
      bubble.note && h("span.message-note", {}, bubble.note),
      bubble.pushed && h("span.message-note", {}, t("pushed")),
      bubble.why && h("span.message-note", {}, bubble.why),
    ),
  );
}

function actionsOf(bubble, copies, act) {
  const request = copies.at(-1)?.id ?? bubble.requests?.at(-1);
  return h(
    "span.message-actions",
    {},
    canGoBack(bubble) && iconButton("rewind", t("backHere"), () => act.back(bubble), { data: { focus: "back" } }),
    request !== undefined && iconButton("code", t("lookAtRequest"), () => act.look(request), { data: { focus: "look" } }),
  );
}

function canGoBack(bubble) {
  return bubble.from === "user" && Number.isInteger(bubble.point) && server.bot.managed;
}

// The platform's repetitions, where there were any or where one failed: ● ● ○.
function copiesOf(copies, act) {
  const open = copies.find((copy) => copy.open);
  // Of the first request it is said in words once its answer takes long.
  if (copies.length < 2 && !open?.doing && !copies.some((copy) => copy.problem)) return open && h("span.sending", { title: t("waiting") }, icon("wait"), h("span.unseen", {}, t("waiting")));
  return [
    h(
      "button.copies",
      { type: "button", onclick: () => act.look(copies.at(-1).id), title: copies.map(told).join("\n"), data: { focus: "copies" } },
      copies.map((copy) => h(`span.copy.${stateOf(copy)}`, {}, icon(SIGNS[stateOf(copy)]))),
      h("span", {}, open ? t("noAnswerYet", open.number, open.of) : t("copiesSent", copies.length)),
    ),
    open && placesOf("doing", open.doing),
  ];
}

/** What the bot's code is, or was, doing; null where that is not known. */
export function placesOf(word, places) {
  if (!places?.length) return null;
  return h("div.doing", {}, h("span", {}, t(word)), places.map(({ at, name, code }) => h("code", { title: code }, `${at} ${name}()`)));
}

const SIGNS = { open: "wait", good: "check", bad: "cross" };

/** What became of a request: "open", "good" or "bad". */
export function stateOf(request) {
  if (request.open) return "open";
  return request.problem ? "bad" : "good";
}

// What became of a request, in words.
function told(copy) {
  const answered = () => t("answeredIn", copy.status, took(copy.seconds));
  return t("copyTold", copy.number, copy.open ? t("waiting") : spoken(copy.problem, copy.problem_zh) || answered());
}

function silence(bubble) {
  return t(bubble.rests ? "silenceRests" : "silence");
}

function eventOf(bubble, copies, act) {
  return h("li.notice.acted", { data: { bubble: bubble.id } }, h("span.notice-line", {}, icon("event"), words(bubble), actionsOf(bubble, copies, act)), copiesOf(copies, act));
}

// Why the user sees the fault notice: of each request, unless all failed for one reason.
function reasons(bubble, copies) {
  const why = spoken(bubble.why, bubble.why_zh);
  if (copies.length < 2) return [why];
  const same = copies.every((copy) => copy.problem === bubble.why);
  return same ? [t("everyCopy", copies.length, why)] : copies.map(told);
}

// What broke a conversation: its user got an apology, or nothing.
function brokenOf(bubble, act) {
  return h(
    "li.notice.fault",
    { data: { bubble: bubble.id } },
    h("div.why", {}, h("strong", {}, icon("alert"), t("brokeHere")), h("p", {}, spoken(bubble.why, bubble.why_zh)), h("button.quiet", { type: "button", onclick: act.conversation, data: { focus: "look" } }, t("lookAtTraceback"))),
  );
}

// Why nothing of a message was recorded: the code has to be mended first.
function refusedOf(bubble) {
  return h("li.notice.fault", { data: { bubble: bubble.id } }, h("div.why", {}, h("strong", {}, icon("alert"), t("refusedHere")), h("p", {}, spoken(bubble.why, bubble.why_zh)), h("p", {}, t("refusedHint"))));
}

function faultOf(bubble, copies, act) {
  const request = bubble.requests?.at(-1);
  return h(
    "li.notice.fault",
    { data: { bubble: bubble.id } },
    words(bubble),
    bubble.why &&
      h(
        "div.why",
        {},
        h("strong", {}, icon("alert"), t("onlyForYou")),
        reasons(bubble, copies).map((line) => h("p", {}, line)),
        placesOf("wasDoing", copies.findLast((copy) => copy.doing?.length)?.doing),
        request !== undefined && h("button.quiet", { type: "button", onclick: () => act.look(request), data: { focus: "look" } }, t("lookAtRequest")),
      ),
  );
}

function words(bubble) {
  return h("span.words", {}, (bubble.parts ?? []).map(partOf));
}

function partOf(part) {
  if (part.emoticon) {
    const drawn = face(part.emoticon);
    return drawn ? h("span.face", { role: "img", "aria-label": part.emoticon, title: `${part.emoticon} ${part.text}` }, drawn) : `[${part.emoticon}]`;
  }
  if (part.tap) {
    const { content, id } = part.tap;
    return h("button.tap", { type: "button", title: t("tapSends", content), onclick: () => ask("tap", { user: own.user, content, id }) }, part.text);
  }
  if (!part.href) return part.text;
  const page = pageIn(part.href);
  if (page) return h("button.tap", { type: "button", title: part.href, onclick: () => showPage(part.text, page) }, part.text);
  return outward(part.href, {}, part.text);
}

// An answer page of the bot's: its address here. What it is told to users may lead nowhere yet.
function pageIn(href) {
  const { pages } = server.bot;
  if (!pages || !href.startsWith(`${pages}/`)) return "";
  return `/pages/${pages.split("/").at(-1)}/${href.slice(pages.length + 1)}`;
}

/** A link to the outside, where it leads somewhere a browser may go; else only its content. */
export function outward(href, properties, ...children) {
  if (!/^https?:\/\//i.test(href)) return h("span", { title: href, ...properties }, ...children);
  return h("a", { href, target: "_blank", rel: "noopener noreferrer", title: href, ...properties }, ...children);
}

function textOf(bubble) {
  return h("div.bubble", {}, words(bubble));
}

function imageOf(bubble) {
  const url = bubble.image?.url;
  if (!url) return h("div.bubble.media", {}, icon("picture"), h("span", {}, t("picture")), words(bubble));
  return h("button.photo", { type: "button", "aria-label": t("enlarge"), onclick: () => showPicture(url) }, picture(url, t("picture")));
}

// A picture of a bot may lead nowhere; then its place is coloured.
function picture(url, alt) {
  const image = h("img", { src: url, alt, loading: "lazy", referrerpolicy: "no-referrer" });
  image.addEventListener("error", () => image.classList.add("broken"));
  return image;
}

function voiceOf(bubble) {
  const said = bubble.parts?.length ? words(bubble) : null;
  return h("div.bubble.voice", {}, h("span.voice-line", {}, icon("waves"), h("span", {}, t("voice"))), said && h("div.recognised", {}, said));
}

function videoOf(bubble) {
  return h("div.film", {}, bubble.image?.url && picture(bubble.image.url, ""), h("span.film-play", {}, icon("play")), (bubble.title || bubble.description) && h("span.film-title", {}, bubble.title || bubble.description));
}

function musicOf(bubble) {
  return outward(bubble.url ?? "", { class: "card music" }, h("span.card-words", {}, h("strong", {}, bubble.title || t("music")), h("small", {}, bubble.description ?? "")), h("span.card-sign", {}, icon("music")));
}

function newsOf(bubble) {
  const [first, ...rest] = bubble.articles ?? [];
  if (!first) return textOf(bubble);
  return h(
    "div.news",
    { class: rest.length ? "news many" : "news" },
    outward(first.url ?? "", { class: "news-first" }, first.pic_url && h("span.news-picture", {}, picture(first.pic_url, "")), h("strong", {}, first.title), !rest.length && first.description && h("p", {}, first.description)),
    rest.map((article) => outward(article.url ?? "", { class: "news-row" }, h("span", {}, article.title), article.pic_url && h("span.news-thumb", {}, picture(article.pic_url, "")))),
  );
}

function locationOf(bubble) {
  const { latitude, longitude, label } = bubble.location ?? {};
  return h(
    "div.map",
    {},
    h("span.map-words", {}, h("strong", {}, label || t("place")), h("small", {}, `${latitude}, ${longitude}`)),
    h("span.map-picture", { "aria-hidden": "true" }, icon("place")),
  );
}

function linkOf(bubble) {
  return outward(bubble.url ?? "", { class: "card" }, h("span.card-words", {}, h("strong", {}, bubble.title || bubble.url), h("small", {}, bubble.description ?? "")), h("span.card-sign", {}, icon("link")));
}

const DRAWN = { image: imageOf, voice: voiceOf, video: videoOf, shortvideo: videoOf, music: musicOf, news: newsOf, location: locationOf, link: linkOf };

