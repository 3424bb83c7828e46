// Changes as they flow: the newest first, and whatever comes on top of them.

import { get, live, Refused } from "./api.js";
import { el } from "./dom.js";
import { deed, observation, sentence, time, tone, words } from "./words.js";

/** Rows shown at most. */
const SHOWN = 50;

/** Shows the flow in a section. Returns what ends it. */
export function flow(place, tools) {
  const state = el("span.soft", {}, "connecting");
  const list = el("ol.changes", { "aria-labelledby": "changes-title" });
  const empty = el("p.empty", { hidden: true }, "Nothing has changed yet. What does appears here at once.");
  place.append(el("div.title", {}, el("h2", { id: "changes-title" }, "Changes as they happen"), state), empty, list);
  const ended = new AbortController();
  follow({ state, list, empty, tools }, ended.signal);
  return () => ended.abort();
}

async function follow(shown, signal) {
  let newest = null;
  while (!signal.aborted) {
    try {
      if (newest === null) {
        const page = await get("changes", { limit: SHOWN });
        shown.list.replaceChildren(...page.changes.map(row));
        newest = page.changes[0]?.number ?? 0;
        shown.empty.hidden = page.changes.length > 0;
      }
      shown.state.textContent = "live";
      for await (const change of live(newest, signal)) {
        newest = change.number;
        shown.empty.hidden = true;
        const added = row(change);
        added.classList.add("new");
        shown.list.prepend(added);
        while (shown.list.children.length > SHOWN) shown.list.lastChild.remove();
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused && error.status === 401) return;
    }
    shown.state.textContent = "connecting again";
    await new Promise((wake) => setTimeout(wake, 2000));
  }
}

/** One change, in a line or two. */
function row(change) {
  const from = change.what === "written" && change.from ? ` (was ${words(change.from)})` : "";
  return el(`li.${tone(change.what)}`, {},
    el("time", { datetime: change.at }, time(change.at)),
    el("div", {},
      el("p", {}, el("strong", {}, deed(change)), from, " · ",
        el("a", { href: `#person/${encodeURIComponent(change.prospect)}` }, change.salesforce ?? change.prospect)),
      el("p.soft", {}, sentence(change.reason), change.rule ? [" · ", rule(change.rule)] : null),
    ),
  );
}

/** The line of the mapping that decided. */
export function rule(of) {
  return el("a", { href: `#mapping/${of.line}` }, el("code", {}, `${of.file}:${of.line}`));
}

/** One entry of somebody's story, in full. */
export function entry(change) {
  const facts = [];
  const tell = (name, ...value) => facts.push(el("div.fact", {}, el("dt", {}, name), el("dd", {}, ...value)));
  if (change.seen.length) {
    tell("Seen", el("ul.plain", {}, change.seen.map((seen) => el("li", {}, sentence(observation(seen))))));
  }
  tell("Why", sentence(change.reason) || "–");
  if (change.rule) tell("Mapping line", rule(change.rule));
  if (change.what === "written") tell("Written", `${words(change.from)} → ${words(change.to)}`);
  if (change.overruled) tell("Overruled", words(change.overruled));
  if (change.by) tell("Decided by", change.by);
  if (change.change) tell("Change", el("code", {}, `c${change.change}`), ", as in the log");
  return el(`li.${tone(change.what)}`, {},
    el("time", { datetime: change.at }, time(change.at)),
    el("div", {}, el("p", {}, el("strong", {}, deed(change))), el("dl.facts", {}, facts)));
}
