(function () {
  "use strict";
  // For old WebViews: nothing here is younger than 2009.
  var answer = document.getElementById("answer"), state = document.getElementById("state");
  var made = document.getElementById("made");
  var at = answer.getAttribute("data-at"), streams = answer.getAttribute("data-streams") === "1";
  var path = location.pathname, began = new Date().getTime(), source = null, over = false;
  var LONGEST = 15 * 60 * 1000, EVERY = 2000, PATIENCE = 8000;

  function end(text) {
    over = true;
    if (source) { source.close(); source = null; }
    state.className = "";
    answer.setAttribute("aria-busy", "false");
    if (text) state.textContent = text;
  }

  function late() {
    if (!over && new Date().getTime() - began > LONGEST) end(state.getAttribute("data-stopped"));
    return over;
  }

  function take(text) {
    var news;
    try { news = JSON.parse(text); } catch (error) { return; }
    if (news.at === at && !news.end) return;
    if (news.reset) answer.innerHTML = "";
    if (news.html) { answer.insertAdjacentHTML("beforeend", news.html); began = new Date().getTime(); }
    if (news.made) made.hidden = false;
    at = news.at;
    if (news.end) end(news.end);
  }

  function ask() {
    if (late()) return;
    var request = new XMLHttpRequest();
    request.open("GET", path + "?after=" + at, true);
    request.timeout = PATIENCE;
    request.onreadystatechange = function () {
      if (request.readyState !== 4) return;
      if (request.status === 200) take(request.responseText);
      if (request.status === 404) { end(state.getAttribute("data-gone")); return; }
      if (!over) setTimeout(ask, EVERY);
    };
    request.send();
  }

  function listen() {
    var heard = false;
    source = new EventSource(path + "?stream=" + at);
    function leave() {
      if (source) { source.close(); source = null; ask(); }
    }
    // A proxy that holds the stream back says nothing at all.
    setTimeout(function () { if (!heard && !over) leave(); }, PATIENCE);
    source.onmessage = function (event) {
      heard = true;
      if (!late()) take(event.data);
    };
    source.onerror = function () {
      // The server ends a stream every few seconds, and the browser takes it up again by itself.
      if (!over && source && (source.readyState === 2 || !heard)) leave();
      else late();
    };
  }

  if (state.className !== "writing") return;
  if (streams && window.EventSource) listen(); else ask();
})();
