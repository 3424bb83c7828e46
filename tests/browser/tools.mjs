// What every step needs: a page that tells of trouble, waiting with a deadline, pictures, and the accessibility rules.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

/** No step takes longer, however busy the machine is. */
export const WITHIN = 60_000;

export const SIZES = { desktop: { width: 1280, height: 900 }, phone: { width: 375, height: 780 } };
const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export function check(holds, otherwise) {
  if (!holds) throw new Error(otherwise);
}

/** A tab in which anything on the console, and anything that fails to load, is a failure. */
export async function open(browser, url, size, theme) {
  const page = await browser.newPage();
  const troubles = [];
  page.on("console", (message) => {
    if (["error", "warn"].includes(message.type())) troubles.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => troubles.push(`error: ${error.message}`));
  page.on("requestfailed", (request) => {
    // A stream that is left, and whatever is under way when a page is closed, ends early by intention.
    if (request.failure()?.errorText !== "net::ERR_ABORTED") troubles.push(`not loaded: ${request.url()}`);
  });
  page.setDefaultTimeout(WITHIN);
  await page.setViewport(SIZES[size]);
  await page.emulateMediaFeatures([
    { name: "prefers-color-scheme", value: theme },
    { name: "prefers-reduced-motion", value: "reduce" },
  ]);
  await page.goto(url, { waitUntil: "domcontentloaded" });
  return { page, troubles };
}

/** Waits until this text stands in an element. */
export async function reads(page, selector, text) {
  await page.waitForFunction(
    (selector, text) => [...document.querySelectorAll(selector)].some((one) => one.textContent.includes(text)),
    { timeout: WITHIN },
    selector,
    text,
  );
}

/** Nothing sticks out sideways. */
export async function fits(page, what) {
  const wide = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const out = [...document.querySelectorAll("body *")].filter((one) => {
      const box = one.getBoundingClientRect();
      return box.width > 0 && box.right > width + 1 && !one.closest(".sr-only, .skip");
    });
    return document.documentElement.scrollWidth > width ? out.map((one) => one.outerHTML.slice(0, 120)) : [];
  });
  check(wide.length === 0, `${what} is wider than the window: ${wide.slice(0, 3).join("\n")}`);
}

/** No serious violation of the rules that a machine can look for: WCAG 2.2, A and AA. */
export async function accessible(page, what) {
  // The page's own policy allows nothing inline, and this is not part of the page.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  const serious = violations.filter((one) => ["serious", "critical"].includes(one.impact));
  const told = serious.map((one) => `${one.id}: ${one.help}\n  ${one.nodes.map((node) => node.html.slice(0, 160)).join("\n  ")}`);
  check(serious.length === 0, `${what}:\n${told.join("\n")}`);
}
