// Replaces the figures of the page when they change; without it the page is complete.
const source = new EventSource(document.currentScript.dataset.events);
let shown = null;
source.onmessage = async (message) => {
  const first = shown === null;
  const changed = shown !== message.data;
  shown = message.data;
  const main = document.querySelector("main");
  // A reader who is filling in the form, or has opened a table, is not interrupted.
  if (first || !changed || document.hidden || main.contains(document.activeElement)) return;
  if (main.querySelector("details[open]")) return;
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.title = next.title;
  main.replaceWith(document.adoptNode(next.querySelector("main")));
};
