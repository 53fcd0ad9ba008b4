// Windows over the page. A native <dialog> keeps the focus inside, closes with Escape, and gives
// the focus back.

import { h, icon, iconButton } from "./dom.js";
import { t } from "./strings.js";
import { toast } from "./toast.js";

let count = 0;

/**
 * Open a window.
 * @param {string} title
 * @param {function} content gets a function that closes the window, and returns its elements
 * @param {string} look a class for its size
 */
export function openDialog(title, content, look = "") {
  const id = `dialog-${++count}`;
  const dialog = h(`dialog${look && "." + look}`, { "aria-labelledby": id });
  const close = () => dialog.close();
  dialog.append(h("div.dialog-head", {}, h("h2", { id }, title), iconButton("close", t("close"), close)), h("div.dialog-body", {}, content(close)));
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) close(); // on what lies around it
  });
  document.body.append(dialog);
  dialog.showModal();
  (dialog.querySelector("[autofocus]") ?? dialog.querySelector(".dialog-body input, .dialog-body textarea, .dialog-body button"))?.focus();
  return dialog;
}

/**
 * Open a form.
 * @param {string} title
 * @param {object[]} fields {name, label, value?, kind?, options?, hint?, required?, step?, rows?}
 * @param {string} submit the button's label
 * @param {function} done gets the values by name; the window closes unless it resolves to null
 * @param {Element[]} more what stands above the fields
 */
export function openForm(title, fields, submit, done, more = []) {
  return openDialog(title, (close) => {
    const inputs = new Map();
    const button = h("button.primary", { type: "submit" }, submit);
    const refusal = h("p.refusal", { role: "alert" });
    const form = h("form", {}, more, fields.map((field) => labelled(field, inputs)), refusal, h("div.dialog-foot", {}, h("button.quiet", { type: "button", onclick: close }, t("cancel")), button));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const values = Object.fromEntries([...inputs].map(([name, input]) => [name, input.type === "file" ? input.files[0] : input.value.trim()]));
      refusal.textContent = "";
      button.disabled = true;
      const answer = await done(values);
      button.disabled = false;
      if (answer !== null) close();
    });
    return form;
  });
}

/**
 * Say what went wrong: in the form that is open, since it covers the toasts and makes them inert, so
 * that they are neither seen nor read out; else as a toast.
 */
export function complain(text) {
  const place = document.querySelector("dialog[open] .refusal");
  if (place) place.textContent = text;
  else toast(text, "bad");
}

function labelled(field, inputs) {
  const id = `field-${++count}`;
  const input = inputOf(field, id);
  inputs.set(field.name, input);
  return h("div.field", {}, h("label", { for: id }, field.label), input, field.hint && h("small", { id: `${id}-hint` }, field.hint));
}

function inputOf(field, id) {
  const shared = { id, name: field.name, required: field.required, "aria-describedby": field.hint ? `${id}-hint` : null };
  if (field.kind === "lines") return h("textarea", { ...shared, rows: field.rows ?? 3, value: field.value ?? "", spellcheck: "false" });
  if (field.kind === "choice") {
    const select = h("select", shared, field.options.map(([value, label]) => h("option", { value }, label)));
    if (field.changed) select.addEventListener("change", () => field.changed(select.value, select.form));
    return select;
  }
  const input = h("input", { ...shared, type: field.kind ?? "text", step: field.step, min: field.min, accept: field.accept, autocomplete: "off" });
  if (field.kind !== "file") input.value = field.value ?? "";
  return input;
}

/** A picture, as large as the window. */
export function showPicture(url) {
  openDialog(t("picture"), () => h("img.large-picture", { src: url, alt: t("picture"), referrerpolicy: "no-referrer" }), "wide");
}

/** What the phone would open in its own browser. */
export function showLink(name, url) {
  const safe = /^https?:\/\//i.test(url);
  openDialog(name, (close) => [
    h("p.hint", {}, t("wouldOpen")),
    h("p.address", {}, url || "—"),
    h(
      "div.dialog-foot",
      {},
      h("button.quiet", { type: "button", onclick: close }, t("close")),
      safe && h("a.primary", { href: url, target: "_blank", rel: "noopener noreferrer", onclick: close }, t("openInTab"), icon("out")),
    ),
  ]);
}
