// Signing in, the theme, and what the demo says in the address.

import { get, token, Refused } from "./api.js";
import { el, say } from "./dom.js";
import { SIDES } from "./words.js";

const ASIDE = "lockstep-sandbox";

/** Takes the demo's token and the ports of its sandbox out of the address, so that they stay in no history. */
export function takeFromAddress() {
  const said = new URLSearchParams(location.hash.slice(1));
  if (!said.has("token")) return;
  token.set(said.get("token"));
  const ports = ["salesforce", "engage"].map((side) => said.get(side));
  // Only ports of this machine: an address that somebody sends cannot lead anywhere else.
  if (ports.every((port) => /^\d{1,5}$/.test(port ?? ""))) sessionStorage.setItem(ASIDE, ports.join(" "));
  history.replaceState(null, "", "/#overview");
}

/** The demo's own two systems, if this is the demo. */
export function showSandbox() {
  const ports = sessionStorage.getItem(ASIDE)?.split(" ");
  if (!ports) return;
  const link = (name, port) =>
    el("a", { href: `http://127.0.0.1:${port}/people`, target: "_blank", rel: "noopener" }, name);
  const place = document.getElementById("sandbox");
  place.replaceChildren("Change a status in ", link(SIDES.salesforce, ports[0]), " or ", link(SIDES.engage, ports[1]));
  place.hidden = false;
}

export function theme() {
  const button = document.getElementById("theme");
  const isDark = () => {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const show = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Use the ${isDark() ? "light" : "dark"} theme`);
  };
  button.addEventListener("click", () => {
    const next = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    localStorage.setItem("lockstep-theme", next);
    show();
  });
  show();
}

/** Asks for the token until one is right. */
export function signIn(then) {
  const form = document.getElementById("sign-in-form");
  const section = document.getElementById("sign-in");
  const field = document.getElementById("token");
  const trouble = document.getElementById("trouble");
  const out = document.getElementById("sign-out");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    token.set(field.value.trim());
    try {
      await get("status");
    } catch (refused) {
      token.forget();
      trouble.textContent =
        refused instanceof Refused && refused.status === 401 ? "This is not the token." : refused.message;
      trouble.hidden = false;
      field.focus();
      return;
    }
    field.value = "";
    section.hidden = trouble.hidden = true;
    out.hidden = false;
    say("Signed in.");
    then();
  });
  out.addEventListener("click", () => {
    token.forget();
    location.hash = "#overview";
    location.reload();
  });
  out.hidden = !token.get();
  return () => {
    token.forget();
    out.hidden = true;
    section.hidden = false;
    document.getElementById("page").replaceChildren();
    field.focus();
  };
}
