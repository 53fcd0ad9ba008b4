// The server's events. A browser reconnects by itself after a break, but gives up for good when
// the answer is an error (a proxy's 502, a server that is just starting); so we do that ourselves.

import { changed, server, take } from "./store.js";

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 5000;
let pause = FIRST_PAUSE;

/** Listen until the page is closed. `heard` is called with every event. */
export function listen(heard) {
  const source = new EventSource("/events");
  source.onopen = () => {
    pause = FIRST_PAUSE;
  };
  source.onmessage = ({ data }) => {
    const event = JSON.parse(data);
    if (event.type === "state") server.connected = true;
    take(event);
    heard(event);
  };
  source.onerror = () => {
    source.close();
    server.connected = false;
    changed();
    setTimeout(() => listen(heard), pause);
    pause = Math.min(2 * pause, LONGEST_PAUSE);
  };
}
