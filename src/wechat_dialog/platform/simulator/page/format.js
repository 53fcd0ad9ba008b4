// Times, durations and XML as people read them.

import { language } from "./settings.js";
import { t } from "./strings.js";

const DAY = 86_400_000;

const locale = () => (language() === "zh" ? "zh-CN" : "en-GB");

function stamp(at, options) {
  return new Intl.DateTimeFormat(locale(), options).format(at);
}

/** 14:05 */
export function hour(at) {
  return stamp(at, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

/** 14:05:09 */
export function second(at) {
  return stamp(at, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
}

/** 11月25日 14:05:09, for a tooltip */
export function moment(at) {
  return `${stamp(at, { year: "numeric", month: "long", day: "numeric" })} ${second(at)}`;
}

/** As the phone writes it above bubbles: 14:05, yesterday 14:05, a weekday, or the date. */
export function ago(at, today) {
  const days = Math.round((midnight(today) - midnight(at)) / DAY);
  if (days <= 0) return hour(at);
  if (days === 1) return `${t("yesterday")} ${hour(at)}`;
  if (days < 7) return `${stamp(at, { weekday: "long" })} ${hour(at)}`;
  return `${stamp(at, { year: "numeric", month: "long", day: "numeric" })} ${hour(at)}`;
}

/** As the list of chats writes it: only the hour, or only the day. */
export function brief(at, today) {
  const days = Math.round((midnight(today) - midnight(at)) / DAY);
  if (days <= 0) return hour(at);
  if (days === 1) return t("yesterday");
  if (days < 7) return stamp(at, { weekday: "long" });
  return stamp(at, { month: "numeric", day: "numeric" });
}

function midnight(at) {
  return new Date(at).setHours(0, 0, 0, 0);
}

/** How long a request took: 3 ms, 1.20 s */
export function took(seconds) {
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(2)} s`;
}

/** How long is left: 59 s, 4:05, 2:10:00, 3 days */
export function left(ms) {
  const all = Math.max(0, Math.ceil(ms / 1000));
  if (all < 60) return t("seconds", all);
  if (all >= 2 * 86_400) return t("days", Math.floor(all / 86_400));
  const parts = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  if (!parts[0]) parts.shift();
  return parts.map((part, i) => (i ? String(part).padStart(2, "0") : part)).join(":");
}

/** What a clock that was moved is ahead by: +1 h, +2 d 3 h; "" if it is less than a minute. */
export function ahead(ms) {
  const minutes = Math.floor((ms + 500) / 60_000);
  if (minutes < 1) return "";
  const parts = [[Math.floor(minutes / 1440), t("d")], [Math.floor(minutes / 60) % 24, t("h")], [minutes % 60, t("min")]];
  return "+" + parts.filter(([count]) => count).slice(0, 2).map(([count, unit]) => `${count} ${unit}`).join(" ");
}

/** A digest of a message's XML for a heading: its type, and what it says. */
export function digest(xml) {
  const root = parsed(xml);
  if (!root) return { kind: "", says: "" };
  const get = (name) => [...root.children].find((child) => child.tagName === name)?.textContent.trim() ?? "";
  const kind = get("MsgType");
  if (kind === "event") return { kind: get("Event"), says: get("EventKey") };
  const says = get("Content") || get("Recognition") || get("Label") || get("Title") || get("Description");
  return { kind, says };
}

/** The root element of an XML text, or null if it is not XML. Nothing of it is ever put into the page. */
export function parsed(xml) {
  if (!xml.trim().startsWith("<")) return null;
  const document = new DOMParser().parseFromString(xml, "text/xml");
  return document.querySelector("parsererror") ? null : document.documentElement;
}

/** JSON with its lines broken, or the text as it is if it is not JSON. */
export function tidy(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** The last line of a text, where a traceback has its error, with the file and line that it names last. */
export function lastLine(text) {
  const last = (text ?? "").trim().split("\n").at(-1);
  const place = [...(text ?? "").matchAll(/^ +File "(?:.*\/)?(.+)", line (\d+)/gm)].at(-1);
  return place ? `${place[1]}:${place[2]}: ${last}` : last;
}
