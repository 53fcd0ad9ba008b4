// XML and other text of the wire, set for reading and ready to be copied.

import { h, iconButton } from "./dom.js";
import { parsed } from "./format.js";
import { t } from "./strings.js";
import { toast } from "./toast.js";

/** A block of text as it is. `key` keeps its place when it is drawn anew. */
export function code(text, key) {
  return block(text, [text], key);
}

/** A block of XML with its elements on lines of their own; as it is where it is not well-formed. */
export function xmlCode(text, key) {
  const root = parsed(text);
  return block(text, root ? lines(root, 0) : [text], key);
}

function block(text, content, key) {
  return h("div.code", {}, h("pre", { tabindex: "0", data: { keep: key, focus: key } }, content), iconButton("copy", t("copy"), () => copy(text)));
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(t("copied"), "good");
  } catch {
    toast(t("notCopied"), "bad");
  }
}

function lines(element, depth) {
  const space = "  ".repeat(depth);
  const open = [space, mark("<"), tag(element.tagName), mark(">")];
  const close = [mark("</"), tag(element.tagName), mark(">"), "\n"];
  const inner = [...element.children];
  if (inner.length) return [...open, "\n", inner.flatMap((child) => lines(child, depth + 1)), space, ...close];
  return [...open, [...element.childNodes].map(value), ...close];
}

function value(node) {
  if (node.nodeType === Node.CDATA_SECTION_NODE) return [mark("<![CDATA["), h("span.x-value", {}, node.data), mark("]]>")];
  return h("span.x-value", {}, node.data ?? "");
}

const mark = (text) => h("span.x-mark", {}, text);
const tag = (text) => h("span.x-tag", {}, text);
