// What this browser remembers: language, theme, whose phone was looked at. See preferences.js
// for what must be known before the page is drawn.

export function remember(name, value) {
  try {
    localStorage.setItem(`wechat-dialog.${name}`, value);
  } catch {
    // A browser that keeps nothing (private windows, full storage): then it is asked again.
  }
}

export function remembered(name) {
  try {
    return localStorage.getItem(`wechat-dialog.${name}`);
  } catch {
    return null;
  }
}

/** "zh" or "en". */
export function language() {
  return document.documentElement.lang === "en" ? "en" : "zh";
}

export function setLanguage(name) {
  document.documentElement.lang = name === "zh" ? "zh-CN" : "en";
  remember("language", name);
}

/** "light", "dark", or "system". */
export function theme() {
  return document.documentElement.dataset.theme ?? "system";
}

export function setTheme(name) {
  if (name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  remember("theme", name);
}
