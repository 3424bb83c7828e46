// The overview: both sides, what is due, and the changes as they flow.

import { act, token } from "./api.js";
import { flow } from "./changes.js";
import { el, fact, fill } from "./dom.js";
import { bytes, number, plural, SIDES, span, time } from "./words.js";

const STATES = {
  unknown: ["Not asked yet", "calm"],
  well: ["Well", "good"],
  failing: ["Failing, tried again", "warn"],
  quota_exceeded: ["Quota used up, resumes by itself", "warn"],
  stopped: ["Stopped until a person mends it", "bad"],
};

export function overview(place, _argument, tools) {
  const notices = el("div");
  const sides = el("div.sides");
  const totals = el("dl.totals", { "aria-label": "In numbers" });
  const controls = el("div.controls");
  const changes = el("section.card", { "aria-labelledby": "changes-title" });
  place.append(
    el("div.title", {}, el("h1", {}, "Overview"), controls),
    notices,
    el("h2.sr-only", {}, "Both sides"),
    sides,
    totals,
    changes,
  );
  const leave = flow(changes, tools);
  return {
    leave,
    update(status) {
      fill(notices, ...told(status));
      fill(sides, side("salesforce", status), side("engage", status));
      fill(totals, ...numbers(status));
      pausing(controls, status, tools);
    },
  };
}

/** What an operator should know first. */
function told(status) {
  const notices = [];
  const notice = (kind, ...text) => notices.push(el(`p.notice.${kind}`, {}, ...text));
  if (status.paused) notice("warn", "Paused: changes are taken in, and nothing is written until somebody resumes.");
  if (status.plan_waits) {
    notice("warn", `A plan waits: ${status.plan_waits}. `, el("code", {}, "lockstep plan"), " shows it, ",
      el("code", {}, "lockstep plan --apply"), " lets it through.");
  }
  if (status.mapping_rejected) {
    notice("bad", "The mapping file has mistakes; the one before it stays in use. ", el("code", {}, "lockstep check"),
      " shows them. Do not restart before they are mended.");
  }
  if (!status.first_pass_done) notice("calm", "Everybody is being looked at for the first time.");
  const waits = status.held + status.parked;
  if (waits) notice("warn", el("a", { href: "#waiting" }, plural(waits, "record waits", "records wait")), " for a person.");
  return notices;
}

function side(name, status) {
  const shown = status.sides[name];
  const [state, tone] = STATES[shown.state];
  const ways = shown.listening ? "events and polls" : name === "engage" ? "webhooks and polls" : "polls";
  return el(`section.card.side.${name}`, { "aria-labelledby": `${name}-title` },
    el("h3", { id: `${name}-title` }, SIDES[name]),
    el(`p.state.${tone}`, {}, state),
    shown.why ? el("p.why", {}, shown.why) : null,
    el("dl.facts", {},
      fact("Last read", shown.lag_ms === null ? "never yet" : `${span(shown.lag_ms)} ago`),
      fact("Changes come by", ways),
      fact(name === "salesforce" ? "Calls left today" : "Calls left this minute", left(shown)),
    ),
    meter(shown),
    purposes(shown),
  );
}

function left(shown) {
  if (shown.calls_left === null) return "not told yet";
  return `${number(shown.calls_left)} of ${number(shown.calls_allowed)}`;
}

function meter(shown) {
  if (!shown.calls_allowed) return null;
  return el("meter", {
    min: 0, max: shown.calls_allowed, value: shown.calls_left, "aria-label": "Calls left",
    low: shown.calls_kept_free ?? 0, optimum: shown.calls_allowed,
  });
}

/** What the day's calls were used for. */
function purposes(shown) {
  const entries = Object.entries(shown.calls_by_purpose ?? {}).sort((a, b) => b[1] - a[1]);
  if (!entries.length) return null;
  const kept = shown.calls_kept_free ? `; ${number(shown.calls_kept_free)} are kept for others` : "";
  const total = entries.reduce((sum, [, count]) => sum + count, 0);
  return el("details", { "data-open": "calls" },
    el("summary", {}, `${number(total)} calls of ours in 24 hours${kept}`),
    el("ul.purposes", {}, entries.map(([purpose, count]) =>
      el("li", {}, el("span", {}, purpose), el("span.number", {}, number(count))))),
    shown.calls_free_at ? el("p.soft", {}, `What waits for calls goes on from ${time(shown.calls_free_at)}.`) : null,
  );
}

function numbers(status) {
  const oldest = status.oldest_due_ms === null ? "" : el("span.aside", {}, `oldest ${span(status.oldest_due_ms)}`);
  return [
    fact("People linked", number(status.links)),
    fact("To be looked at", number(status.due), oldest),
    fact("Conflicts", number(status.held)),
    fact("Refused writes", number(status.parked)),
    fact("Journal", plural(status.journal_entries, "entry", "entries")),
    fact("Store", bytes(status.store_bytes)),
  ];
}

function pausing(place, status, tools) {
  if (!token.get()) return fill(place);
  const verb = status.paused ? "resume" : "pause";
  const label = status.paused ? "Resume writing" : "Pause writing";
  if (place.firstChild?.textContent === label) return;
  place.replaceChildren(el("button.quiet", {
    type: "button",
    async onclick() {
      try {
        await act(verb, sessionStorage.getItem("lockstep-by"));
        status.paused = !status.paused;
        tools.done(status.paused ? "Writing is paused." : "Writing goes on.");
        pausing(place, status, tools);
        place.firstChild.focus();
      } catch (error) {
        tools.tell(error);
      }
    },
  }, label));
}
