// Replaces the figures of the page when they change; without it the page is complete.
const address = document.currentScript.dataset.events;
let source = null;
let told = null; // What the server said last,
let shown = document.currentScript.dataset.shown; // and of what the page shows.

// Only a page that is seen listens: a browser opens few connections to one server.
function listen() {
  if (source !== null || document.hidden) return;
  source = new EventSource(address);
  source.onmessage = (message) => {
    told = message.data;
    refresh();
  };
}

function rest() {
  source?.close();
  source = null;
}

async function refresh() {
  const main = document.querySelector("main");
  const asked = told;
  // A reader who is filling in the form, or has opened a table, is not interrupted.
  if (asked === null || asked === shown || document.hidden || main.contains(document.activeElement)) return;
  if (main.querySelector("details[open]")) return;
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (main.contains(document.activeElement)) return;
  document.title = next.title;
  main.replaceWith(document.adoptNode(next.querySelector("main")));
  shown = asked;
}

document.addEventListener("visibilitychange", () => (document.hidden ? rest() : listen()));
addEventListener("pagehide", rest);
addEventListener("pageshow", listen);
setInterval(refresh, 5000); // Once the reader is done.
listen();
