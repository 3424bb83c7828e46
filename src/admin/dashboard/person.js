// One person's whole story.

import { get } from "./api.js";
import { entry, rule } from "./changes.js";
import { el, fact, fill } from "./dom.js";
import { observation, sentence, SIDES, time, words } from "./words.js";

export function person(place, id, tools) {
  const field = el("input", {
    id: "whom", name: "whom", autocomplete: "off", spellcheck: "false", required: true, "aria-describedby": "whom-help",
  });
  field.value = id;
  const form = el("form.card.who", {
    onsubmit(event) {
      event.preventDefault();
      location.hash = `#person/${encodeURIComponent(field.value.trim())}`;
    },
  },
  el("label", { for: "whom" }, "Salesforce id, prospect id or email"), field,
  el("p.soft", { id: "whom-help" }, "An email address is looked up in Salesforce; none is kept."),
  el("button", { type: "submit" }, "Explain"));
  const stories = el("div");
  place.append(el("h1", {}, "One person's story"), form, stories);
  // An address costs a call each time, so that it is asked for once.
  let asked = false;
  return {
    async update() {
      if (!id || (asked && id.includes("@"))) return;
      asked = true;
      try {
        const found = await get("explain", { id });
        fill(stories, ...found.map(story));
      } catch (error) {
        if (error.status !== 404 && error.status !== 400) throw error;
        fill(stories, el("p.empty", {}, error.message));
      }
    },
  };
}

function story(one) {
  const newest = [...one.journal].reverse();
  return el("section.card", { "aria-labelledby": `story-${one.prospect}` },
    el("h2", { id: `story-${one.prospect}` }, one.record ?? one.prospect),
    because(newest),
    el("dl.facts", {},
      fact("Prospect", el("code", {}, one.prospect)),
      fact("Last agreed on", agreed(one.link)),
      one.link?.latch ? fact("Opted out", `seen since ${time(one.link.latch.since)}`) : null,
      one.due ? fact("To be looked at", `since ${time(one.due.since)}`) : null,
      one.held ? fact("Held", el("a", { href: "#waiting" }, sentence(one.held.reason))) : null,
      one.parked ? fact("Refused", el("a", { href: "#waiting" }, `${one.parked.code}: ${one.parked.message}`)) : null),
    el("h3", {}, "What happened, newest first"),
    newest.length ? el("ol.changes.story", {}, newest.map(entry)) : el("p.empty", {}, "Nothing has happened yet."));
}

function agreed(link) {
  if (!link) return "not linked";
  if (!link.baseline) return "nothing yet";
  const values = Object.values(link.baseline.salesforce).filter((value) => typeof value === "string");
  return `${values.join(", ") || "(nothing)"} in Salesforce, ${words(link.baseline.engage)} in Revenue Engage`;
}

/** The answer to "why is it this?", in a sentence: the last write. */
function because(newest) {
  const last = newest.find((change) => change.what === "written");
  if (!last) return el("p.because", {}, "Lockstep has written nothing for this person.");
  const others = last.seen.filter((one) => one.side && one.side !== last.side).reverse();
  // The last of them that says what was seen: a mere hint came before it.
  const seen = others.find((one) => one.value) ?? others[0] ?? last.seen[0];
  return el("p.because", {},
    el("strong", {}, `${SIDES[last.side]} says ${words(last.to)}`), ` because ${last.reason}`,
    seen ? ` – ${observation(seen)}` : "", `. Written at ${time(last.at)}`,
    last.rule ? [" by line ", rule(last.rule)] : null, ".");
}
