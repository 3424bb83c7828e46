// The mapping, drawn row by row: what stands in Salesforce, the arrows with what they carried, the person status.

import { get } from "./api.js";
import { el, fill, svg } from "./dom.js";
import { number, plural, time } from "./words.js";

export function mapping(place, line) {
  const rows = el("ol.mapping", { "aria-label": "Rows of the mapping" });
  const told = el("p.soft");
  place.append(el("h1", {}, "Mapping"), told, heads(), rows);
  let jumped = false;
  return {
    async update() {
      const view = await get("mapping");
      const since = view.since ? `since ${time(view.since)}` : "so far";
      fill(told, `Which status goes with which at ${view.company}, as `, el("code", {}, view.file),
        ` says. An arrow's number is how many changes it carried over ${since}. `,
        view.people_elsewhere ? `${plural(view.people_elsewhere, "person has", "people have")} a status that no row mentions.` : "");
      fill(rows, ...view.rows.map((row) => drawn(row, String(row.line) === line)));
      if (line && !jumped) {
        jumped = true;
        document.getElementById(`line-${line}`)?.scrollIntoView({ block: "center" });
      }
    },
  };
}

function heads() {
  return el("div.mapping-heads", { "aria-hidden": "true" },
    el("span", {}, "Salesforce"), el("span", {}, "carried over"), el("span", {}, "Revenue Engage"));
}

function drawn(row, marked) {
  const values = row.values.filter((value) => value.is);
  const also = row.values.filter((value) => !value.is);
  return el(marked ? "li.card.marked" : "li.card", { id: `line-${row.line}` },
    el("div.value", {},
      values.length ? values.map(value) : el("p.soft", {}, "not carried"),
      also.length ? el("p.soft", {}, "also from ", also.map((one) => one.text).join(", ")) : null),
    el("div.arrows", {}, arrow("to-engage", row.to_engage, row.to_engage_count), arrow("to-salesforce", row.to_salesforce, row.to_salesforce_count)),
    el("div.status", {},
      el("p", {}, el("strong", {}, row.person)),
      el("p.people", {}, plural(row.people, "person", "people")),
      notes(row)),
    el("p.line.soft", {}, `line ${row.line}`));
}

function value(one) {
  return el("p", {}, el("strong", {}, one.text), " ", el("span.soft", {}, one.objects.join(", ")));
}

function notes(row) {
  const notes = [];
  if (row.sequences !== "leave") {
    notes.push({ pause: "sequences are put on hold", resume: "our own pauses are undone", finish: "sequences end" }[row.sequences]);
  }
  if (row.only_if) notes.push(`only if ${row.only_if}`);
  return notes.length ? el("p.soft", {}, notes.join("; ")) : null;
}

/** One direction: an arrow with its count; a dotted line where the row does not act that way. */
function arrow(way, acts, count) {
  const toEngage = way === "to-engage";
  const words = toEngage ? "to Revenue Engage" : "to Salesforce";
  if (!acts) return el("p.arrow.none", {}, el("span.sr-only", {}, `not carried ${words}`));
  const tip = toEngage ? "M92 1 99 6 92 11" : "M8 1 1 6 8 11";
  return el(count ? `p.arrow.${way}` : `p.arrow.${way}.idle`, {},
    el("span.number", {}, number(count)), el("span.sr-only", {}, ` carried ${words}`),
    svg("svg", { viewBox: "0 0 100 12", preserveAspectRatio: "none", "aria-hidden": "true" },
      svg("path", { d: "M1 6H99", "vector-effect": "non-scaling-stroke" }),
      svg("path", { d: tip, "vector-effect": "non-scaling-stroke" })));
}
