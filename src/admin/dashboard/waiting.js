// What waits for a person: conflicts to decide and refused writes to try again, grouped by cause.

import { act, get, token } from "./api.js";
import { el, fill } from "./dom.js";
import { plural, sentence, SIDES, time, words } from "./words.js";

const CAUSES = {
  both_changed: "Both sides changed, and the mapping lets a person decide",
  too_close_to_call: "Both sides changed, too close together to say which is newer",
  opt_out_cleared: "An opt-out was taken back",
  refused_by_lifecycle: "Revenue Engage does not allow the status",
  protected: "A value that only a person may move",
  restored: "They disagreed when the store was put back from a checkpoint",
  first_sight: "They disagreed when first seen together",
  detail_changed: "Both sides changed a further field",
  not_unique: "More than one record could be this person",
};

/** Causes that say it all: a sentence of each record's own would only repeat them. */
const SAYS_ALL = ["both_changed", "too_close_to_call", "restored", "first_sight"];

export function waiting(place, _argument, tools) {
  const by = el("input", {
    id: "by", autocomplete: "name", required: true, "aria-describedby": "by-help",
    oninput: () => sessionStorage.setItem("lockstep-by", by.value.trim()),
  });
  by.value = sessionStorage.getItem("lockstep-by") ?? "";
  const who = token.get()
    ? el("form.card.who", { onsubmit: (event) => event.preventDefault() },
        el("label", { for: "by" }, "Who decides"), by,
        el("p.soft", { id: "by-help" }, "Your name. It goes into the journal and the log."))
    : el("p.notice.warn", {}, "This daemon has no admin token, so nothing can be changed from here. Put one into a file, name it as ",
        el("code", {}, "token_file"), " in ", el("code", {}, "[admin]"), ", and start the daemon again.");
  const lists = el("div");
  place.append(el("h1", {}, "Waiting for a person"),
    el("p.soft", {}, "What Lockstep cannot decide it does not guess: it leaves both sides as they are until somebody says what to do."),
    who, lists);
  const page = {
    /** Does something in the name that was given, or asks for the name. */
    async act(path, body, said) {
      if (!by.value.trim()) {
        by.focus();
        return tools.tell(new Error("Say who decides first."));
      }
      try {
        await act(path, by.value.trim(), body);
        tools.tell(null);
        tools.done(said);
        await page.update();
        if (document.activeElement === document.body) lists.querySelector("button")?.focus();
      } catch (error) {
        tools.tell(error);
      }
    },
    async update() {
      const [conflicts, parked] = await Promise.all([get("conflicts"), get("parked")]);
      fillKeeping(lists, [
        section("Conflicts", grouped(conflicts, (one) => one.kind), CAUSES, (one) => conflict(one, page), "Nothing waits for a person."),
        section("Refused writes", grouped(parked, (one) => `${SIDES[one.side]}: ${one.code}`), {}, (one) => refused(one, page),
          "No write was refused."),
      ]);
    },
  };
  return page;
}

/** Puts new elements in place and the focus back to where it was. Events hang on elements, so all are new when anything is. */
function fillKeeping(place, children) {
  const key = document.activeElement?.dataset?.key;
  fill(place, ...children);
  if (key && document.activeElement === document.body) {
    [...place.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key)?.focus();
  }
}

function grouped(records, cause) {
  const groups = new Map();
  for (const record of records) {
    const of = cause(record);
    groups.set(of, [...(groups.get(of) ?? []), record]);
  }
  return [...groups].sort((a, b) => b[1].length - a[1].length);
}

function section(title, groups, names, shown, empty) {
  const id = title.toLowerCase().replaceAll(" ", "-");
  const group = ([cause, records]) => el("section.card", {},
    el("h3", {}, names[cause] ?? cause, " ", el("span.count", {}, String(records.length))),
    el("ul.records", {}, records.map(shown)));
  return el("section", { "aria-labelledby": id },
    el("h2", { id }, title), groups.length ? groups.map(group) : el("p.empty", {}, empty));
}

function whose(record) {
  return el("a", { href: `#person/${encodeURIComponent(record.prospect)}` }, record.record ?? record.prospect);
}

function conflict(one, page) {
  const choice = (side) => el("button", {
    type: "button", "data-key": `${one.id}-${side}`, "aria-label": `Take ${words(one[side])}, as ${SIDES[side]} has it, for ${one.record ?? one.prospect}`,
    onclick: () => page.act("conflicts/resolve", { id: one.id, take: side, by: document.getElementById("by").value.trim() },
      `${SIDES[side]}'s value is taken.`),
  }, `Take ${words(one[side])}`);
  const canChoose = token.get() && one.kind !== "not_unique" && !one.resolution;
  return el("li", {},
    el("p", {}, whose(one), el("span.soft", {}, ` since ${time(one.since)}`)),
    SAYS_ALL.includes(one.kind) ? null : el("p.soft", {}, sentence(one.reason)),
    el("dl.versus", {},
      ["salesforce", "engage"].map((side) => el("div", {}, el("dt", {}, SIDES[side]),
        el("dd", {}, el("strong", {}, words(one[side]))), canChoose ? el("dd", {}, choice(side)) : null))),
    one.resolution ? el("p.notice.calm", {}, `${SIDES[one.resolution.take]} is taken, says ${one.resolution.by}; it is about to be carried out.`) : null,
    one.kind === "not_unique" ? el("p.soft", {}, "Merge or correct the records in question, and it goes on by itself, with the next daily comparison at the latest.") : null);
}

function refused(one, page) {
  // A value that is refused whoever is to have it stands for all who wait for it.
  const heldRow = one.waiting !== undefined;
  const button = (verb, label, said) => el("button", {
    type: "button", class: verb === "drop" ? "quiet" : "", "data-key": `${one.id}-${verb}`,
    "aria-label": `${label}: the write of ${one.record || one.id}`,
    onclick: () => page.act(`parked/${verb}`, { id: one.id }, said),
  }, label);
  return el("li", {},
    heldRow
      ? el("p", {}, el("strong", {}, one.id), el("span.soft", {}, ` since ${time(one.since)}: ${plural(one.waiting, "record waits", "records wait")} for this value`))
      : el("p", {}, whose(one), el("span.soft", {}, ` since ${time(one.since)}, tried ${plural(one.attempts, "time", "times")}`)),
    el("p.soft", {}, one.message),
    token.get() ? el("p.choices", {},
      button("retry", "Try again", "It is tried again."), " ",
      heldRow ? null : button("drop", "Give up", "The write is given up; the record is left as it is.")) : null);
}
