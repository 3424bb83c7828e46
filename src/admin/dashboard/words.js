// How values are shown.

const NUMBER = new Intl.NumberFormat("en");
export const SIDES = { salesforce: "Salesforce", engage: "Revenue Engage" };

export function number(value) {
  return value === null || value === undefined ? "–" : NUMBER.format(value);
}

export function plural(count, one, many) {
  return `${number(count)} ${count === 1 ? one : many}`;
}

/** A time of day, with the date unless it is today. */
export function time(text, now = new Date()) {
  const at = new Date(text);
  const clock = at.toLocaleTimeString("en-GB");
  return at.toDateString() === now.toDateString() ? clock : `${at.toLocaleDateString("en-CA")} ${clock}`;
}

/** How long, in the largest unit that fits. */
export function span(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  for (const [unit, size] of [["d", 86_400_000], ["h", 3_600_000], ["min", 60_000]]) {
    if (ms >= size) return `${(ms / size).toFixed(ms < 10 * size ? 1 : 0)} ${unit}`;
  }
  return `${(ms / 1000).toFixed(1)} s`;
}

export function bytes(count) {
  if (count < 1024 * 1024) return `${number(Math.ceil(count / 1024))} KiB`;
  return `${(count / 1024 / 1024).toFixed(1)} MiB`;
}

/** `not_interested` as people say it: `Not interested`. */
export function words(key) {
  if (!key) return "(nothing)";
  if (!/^[a-z0-9]+(_[a-z0-9]+)*$/.test(key)) return key;
  const text = key.replaceAll("_", " ");
  return text[0].toUpperCase() + text.slice(1);
}

/** Words that stand alone, as a sentence does. */
export function sentence(text) {
  return text && text[0].toUpperCase() + text.slice(1);
}

const SEEN_BY = {
  first_pass: "by the first listing",
  poll: "by a poll",
  webhook: "by a webhook",
  event: "by a change event",
  outbound_message: "by an outbound message",
  sweep: "by the daily comparison",
  resync: "by a resync",
  operator: "because an operator said so",
  lockstep: "by Lockstep itself",
};

/** Who made a change, where the system tells. */
export function who(by) {
  const known = { user: "a user of Revenue Engage", system: "Revenue Engage itself", api: "the API" };
  // A user of Salesforce is told by an id.
  return known[by] ?? (/^005[0-9A-Za-z]{12,15}$/.test(by) ? `Salesforce user ${by}` : by);
}

/** One observation, in a sentence. */
export function observation(seen) {
  const where = SIDES[seen.side] ?? "both sides";
  const value = seen.value ? `${words(seen.value)} in ${where}` : `a change in ${where}`;
  const by = seen.by ? `, made by ${who(seen.by)}` : "";
  return `${value}${by}, learnt ${SEEN_BY[seen.source] ?? seen.source} at ${time(seen.at)}`;
}

/** What an entry of the journal did, in a few words. */
export function deed(entry) {
  const side = SIDES[entry.side];
  if (entry.what === "written") return `${side} set to ${words(entry.to)}`;
  if (entry.what === "parked") return `${side} refused ${words(entry.to)}`;
  if (entry.what === "skipped") return `${words(entry.from)} of ${side} has no row`;
  const known = {
    linked: "Linked",
    adopted: "Nothing to write",
    held: "Held for a person to decide",
    relinked: "Goes on as another record",
    unlinked: "No longer linked",
    resolved: "Decided",
    stale: "Moved meanwhile, decided again",
    dropped: "Given up by an operator",
    left: "Left alone",
  };
  return known[entry.what] ?? words(entry.what);
}

/** How good or bad that is: a class of the style sheet. */
export function tone(what) {
  if (what === "written" || what === "resolved") return "good";
  if (what === "held" || what === "stale" || what === "skipped") return "warn";
  return what === "parked" || what === "unlinked" ? "bad" : "calm";
}
