// The admin API, as far as the dashboard asks it.

const KEY = "lockstep-token";

export const token = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

/** What the daemon answered instead of what was asked for. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

function headers(more = {}) {
  const kept = token.get();
  return kept ? { authorization: `Bearer ${kept}`, ...more } : more;
}

async function answer(response) {
  if (response.ok) return response.json();
  const body = await response.json().catch(() => null);
  throw new Refused(response.status, body?.error?.message ?? `the daemon answered ${response.status}`);
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(`/api/v1/${path}`, options);
  } catch {
    throw new Refused(0, "The daemon does not answer. This page goes on as soon as it does.");
  }
  return answer(response);
}

export function get(path, query = {}) {
  const search = new URLSearchParams(query).toString();
  return ask(search ? `${path}?${search}` : path, { headers: headers() });
}

/** Has something done, in somebody's name. */
export function act(path, by, body) {
  const search = new URLSearchParams(by ? { by } : {}).toString();
  const options = { method: "POST", headers: headers({ "content-type": "application/json" }) };
  if (body !== undefined) options.body = JSON.stringify(body);
  return ask(search ? `${path}?${search}` : path, options);
}

/** Reads the fields of one server-sent event. */
export function readEvent(block) {
  const fields = { event: "message", data: "", id: null };
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const value = line.slice(colon + 1).replace(/^ /, "");
    const name = line.slice(0, colon);
    if (name === "data") fields.data += value;
    else if (name in fields) fields[name] = value;
  }
  return fields;
}

/** Changes as they happen, behind that number. Ends when the connection does; EventSource could not send the token. */
export async function* live(after, signal) {
  const response = await fetch(`/api/v1/live?after=${after}`, { headers: headers(), signal });
  if (!response.ok) await answer(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const blocks = rest.split("\n\n");
    rest = blocks.pop();
    for (const block of blocks.map(readEvent)) {
      if (block.event === "change") yield JSON.parse(block.data);
    }
  }
}
