// Language and theme, set before anything is drawn: a page that flashes white at night is no
// good, and a module would run too late. Therefore this one file is a classic script.

(function () {
  "use strict";
  const remembered = (name) => {
    try {
      return localStorage.getItem("wechat-dialog." + name);
    } catch {
      return null; // a browser may keep nothing for us; then everything is as it was at first
    }
  };
  const root = document.documentElement;
  const language = remembered("language") || (navigator.language.startsWith("zh") ? "zh" : "en");
  root.lang = language === "zh" ? "zh-CN" : "en";
  const theme = remembered("theme");
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
})();
