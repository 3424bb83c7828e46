// Small helpers to make elements. Text is only ever set as text: nothing that a system says becomes markup.

/** Makes an element: `el("p.soft", { id: "x", onclick }, "text", child, ...)`. */
export function el(kind, attributes = {}, ...children) {
  const [tag, ...classes] = kind.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Puts these in place of what an element holds, unless it is the same already: whoever reads or types is not disturbed. */
export function fill(element, ...children) {
  const holder = document.createElement("div");
  holder.append(...children.flat().filter(Boolean));
  for (const open of element.querySelectorAll("details[open][data-open]")) {
    holder.querySelector(`details[data-open="${open.dataset.open}"]`)?.setAttribute("open", "");
  }
  if (holder.innerHTML !== element.innerHTML) element.replaceChildren(...holder.childNodes);
}

/** A term and what it is. */
export function fact(term, ...description) {
  return el("div.fact", {}, el("dt", {}, term), el("dd", {}, ...description));
}

/** Tells screen readers, once. */
export function say(text) {
  document.getElementById("said").textContent = text;
}
