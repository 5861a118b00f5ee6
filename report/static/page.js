// Replaces the figures of the page when they change; without it the page is complete.
const address = document.currentScript.dataset.events;
let source = null;
let announced = null; // The version that the server sent last,
let shown = document.currentScript.dataset.shown; // and the one that the page shows.

// Only a page that is seen listens: a browser opens few connections to one server.
function listen() {
  if (source !== null || document.hidden) return;
  const opened = new EventSource(address);
  source = opened;
  opened.onmessage = (message) => {
    announced = message.data;
    refresh();
  };
  // After a lost connection the browser asks again by itself, but not after an answer that is an
  // error, as a proxy's while the page restarts.
  opened.onerror = () => {
    if (opened.readyState === EventSource.CLOSED) setTimeout(() => again(opened), 5000);
  };
}

function again(closed) {
  if (source !== closed) return;
  rest();
  listen();
}

function rest() {
  source?.close();
  source = null;
}

async function refresh() {
  const main = document.querySelector("main");
  const asked = announced;
  // A reader who is filling in the form, or has opened a table, is not interrupted.
  if (asked === null || asked === shown || document.hidden || main.contains(document.activeElement)) return;
  if (main.querySelector("details[open]")) return;
  const answer = await fetch(location.href);
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  // Figures that are no longer known are not shown any more; other errors pass.
  const waits = next.querySelector('script[data-shown=""]') !== null;
  if (!answer.ok && (!waits || shown === "")) return;
  if (main.contains(document.activeElement)) return;
  document.title = next.title;
  main.replaceWith(document.adoptNode(next.querySelector("main")));
  const footer = document.querySelector("footer.site"); // Its permanent link has the day.
  if (!footer.contains(document.activeElement)) footer.replaceWith(document.adoptNode(next.querySelector("footer.site")));
  shown = answer.ok ? asked : "";
}

document.addEventListener("visibilitychange", () => (document.hidden ? rest() : listen()));
addEventListener("pagehide", rest);
addEventListener("pageshow", listen);
setInterval(refresh, 5000); // Once the reader is done.
listen();
