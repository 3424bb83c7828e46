// Which page is shown, and how often it is asked for anew.

import { get, Refused } from "./api.js";
import { el, fill, say } from "./dom.js";
import { overview } from "./health.js";
import { mapping } from "./mapping.js";
import { person } from "./person.js";
import { showSandbox, signIn, takeFromAddress, theme } from "./session.js";
import { waiting } from "./waiting.js";

const PAGES = { overview, mapping, waiting, person };
const page = document.getElementById("page");
const trouble = document.getElementById("trouble");
let shown = null;
let turn = 0;

function route() {
  const [name, ...rest] = location.hash.slice(1).split("/");
  return { name: PAGES[name] ? name : "overview", argument: decodeURIComponent(rest.join("/")) };
}

/** Everything that a page is given. */
const tools = {
  /** Shows what went wrong; with nothing, that all is well again. */
  tell(error) {
    if (error instanceof Refused && error.status === 401) return askForToken();
    const text = error ? error.message : "";
    if (trouble.textContent === text && trouble.hidden === !text) return;
    trouble.textContent = text;
    trouble.hidden = !text;
  },
  done: (text) => say(text),
};

/** Leaves the page that is shown, and shows the one in the address. */
function show() {
  const { name, argument } = route();
  shown?.leave?.();
  turn += 1;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.getAttribute("href") === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const place = el("div");
  page.replaceChildren(place);
  shown = PAGES[name](place, argument, tools);
  document.title = `${place.querySelector("h1")?.textContent ?? "Lockstep"} – Lockstep`;
  keepAsking(turn);
}

async function keepAsking(mine) {
  while (mine === turn) {
    try {
      const status = await get("status");
      if (mine !== turn) return;
      frame(status);
      await shown.update?.(status);
      if (mine === turn) tools.tell(null);
    } catch (error) {
      if (mine !== turn) return;
      tools.tell(error);
      if (error instanceof Refused && error.status === 401) return;
      if (!(error instanceof Refused)) console.error(error);
    }
    await new Promise((wake) => setTimeout(wake, 2000));
  }
}

/** What stands around every page. */
function frame(status) {
  fill(document.getElementById("tenant"), status.tenant);
  const count = document.getElementById("waiting-count");
  const waits = status.held + status.parked;
  count.textContent = waits;
  count.hidden = waits === 0;
}

const askForToken = signIn(show);

takeFromAddress();
showSandbox();
theme();
window.addEventListener("hashchange", () => {
  show();
  document.getElementById("main").focus();
});
show();
