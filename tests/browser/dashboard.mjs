// The dashboard and the sandbox's own pages, in a real browser, over a running `lockstep demo`.
// Called with the address that the demo printed and a directory for pictures.

import { mkdir } from "node:fs/promises";
import puppeteer from "puppeteer-core";
import { accessible, check, fits, open, reads, SIZES } from "./tools.mjs";

const [address, pictures, chromium] = process.argv.slice(2);
const said = new URLSearchParams(new URL(address).hash.slice(1));
const sandbox = { salesforce: `http://127.0.0.1:${said.get("salesforce")}`, engage: `http://127.0.0.1:${said.get("engage")}` };
const base = new URL("/", address).href;
await mkdir(pictures, { recursive: true });
// As root, as in most containers, Chromium has no sandbox of its own; nothing but this machine is visited.
const browser = await puppeteer.launch({ executablePath: chromium, args: ["--no-sandbox", "--disable-dev-shm-usage"] });

async function step(title, work) {
  const start = Date.now();
  await work();
  console.log(`ok  ${title} (${Date.now() - start} ms)`);
}

async function people(side) {
  return (await (await fetch(`${sandbox[side]}/people/list`)).json()).people;
}

/** A user sets a status in a system, as its own page does. */
async function set(side, id, status) {
  const answer = await fetch(`${sandbox[side]}/people/status`, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ id, status }),
  });
  const { error } = await answer.json();
  check(!error, `${side} refuses ${status}: ${error}`);
}

async function api(path, body) {
  const headers = { authorization: `Bearer ${said.get("token")}`, "content-type": "application/json" };
  const answer = await fetch(`${base}api/v1/${path}`, body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) });
  check(answer.ok, `${path} answers ${answer.status}`);
  return answer.json();
}

/** Who is who: the four of the story have names that nobody else has. */
async function named(name) {
  const [lead, person] = await Promise.all(["salesforce", "engage"].map(async (side) => (await people(side)).find((one) => one.name === name)));
  return { lead: lead.id, person: person.id };
}

async function until(holds, what) {
  const end = Date.now() + 60_000;
  while (!(await holds())) {
    check(Date.now() < end, `never: ${what}`);
    await new Promise((wake) => setTimeout(wake, 200));
  }
}

/** Two people set a status at the same time, while Lockstep is paused: neither is newer. */
async function disagree(name, lead, person) {
  const ids = await named(name);
  await api("pause", null);
  await Promise.all([set("salesforce", ids.lead, lead), set("engage", ids.person, person)]);
  await until(async () => {
    const [story] = await api(`explain?id=${ids.person}`);
    return ["salesforce", "engage"].every((side) => story.due?.seen.some((seen) => seen.side === side));
  }, "both changes are taken in");
  await api("resume", null);
  await until(async () => (await api("conflicts")).some((one) => one.record === ids.lead), "a conflict is held");
}

try {
  const jane = await named("Jane Doe");
  const { page, troubles } = await open(browser, address, "desktop", "light");

  await step("the overview loads, takes the token out of the address, and shows both sides well", async () => {
    await reads(page, ".side.salesforce .state", "Well");
    await reads(page, ".side.engage .state", "Well");
    check(!page.url().includes("token"), page.url());
    await reads(page, ".title .soft", "live");
  });

  await step("a status that somebody changes on the sandbox's page is followed by the other side and told at once", async () => {
    const leads = await open(browser, `${sandbox.salesforce}/people`, "desktop", "light");
    const select = `select[data-person="${jane.lead}"]`;
    await leads.page.waitForSelector(select);
    const wanted = (await leads.page.$eval(select, (one) => one.value)) === "Nurture" ? "Not interested" : "Nurture";
    const start = Date.now();
    await leads.page.select(select, wanted);
    const status = wanted === "Nurture" ? "success" : "not_interested";
    await until(async () => (await people("engage")).find((one) => one.id === jane.person).status === status, "Engage follows");
    console.log(`    the other side followed within ${Date.now() - start} ms`);
    await page.waitForFunction(
      (lead) => document.querySelector(".changes li")?.parentElement.textContent.includes(lead), {}, jane.lead);
    check(leads.troubles.length === 0, leads.troubles.join("\n"));
    await leads.page.close();
  });

  await step("one click tells why", async () => {
    await page.evaluate((lead) => {
      [...document.querySelectorAll(".changes a")].find((one) => one.textContent === lead).click();
    }, jane.lead);
    await reads(page, ".because", "because Salesforce changed");
    await reads(page, ".because", "mapping/example.toml:");
    await page.goto(`${base}#person/${encodeURIComponent("jane@demo.example")}`);
    await reads(page, ".story li", "Seen");
    await reads(page, "h2", jane.lead);
  });

  await step("a conflict is made by two people at once", async () => {
    await disagree("Omar Said", "Nurture", "approaching");
  });

  await step("it is decided by keyboard alone", async () => {
    await page.goto(`${base}#overview`);
    // One at least: the sales floor goes on, and whoever it moves against a bounce waits as well.
    await page.waitForFunction(() => Number(document.querySelector("#waiting-count:not([hidden])")?.textContent) >= 1);
    await page.focus("nav a");
    const focused = (property) => page.evaluate((property) => document.activeElement[property], property);
    const tabTo = async (holds, what) => {
      for (let presses = 0; presses < 60; presses += 1) {
        if (holds(await focused("textContent"), await focused("id"))) return;
        await page.keyboard.press("Tab");
      }
      throw new Error(`the keyboard does not reach ${what}`);
    };
    await tabTo((text) => text.startsWith("Waiting"), "the page of what waits");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#by");
    await reads(page, ".versus dt", "Salesforce");
    await tabTo((_, id) => id === "by", "who decides");
    await page.keyboard.type("Ann Lee");
    await tabTo((text) => text.startsWith("Take "), "a decision");
    const before = (await api("conflicts")).filter((one) => !one.resolution).length;
    await page.keyboard.press("Enter");
    await until(async () => (await api("conflicts")).filter((one) => !one.resolution).length < before, "it is decided");
    const entries = (await api("changes?limit=50")).changes;
    check(entries.some((one) => one.by === "Ann Lee"), "the journal does not name who decided");
  });

  await step("a wrong token is told, and the right one lets in", async () => {
    const stranger = await browser.createBrowserContext();
    const { page: other } = await open(stranger, base, "desktop", "light");
    await other.waitForSelector("#sign-in:not([hidden])");
    await other.type("#token", "wrong");
    await other.keyboard.press("Enter");
    await reads(other, "#trouble", "This is not the token.");
    await other.$eval("#token", (field) => { field.value = ""; });
    await other.type("#token", said.get("token"));
    await other.keyboard.press("Enter");
    await reads(other, ".side.engage .state", "Well");
    await stranger.close();
  });
  check(troubles.length === 0, troubles.join("\n"));

  await step("every page fits, is accessible, and has its picture, at both widths and in both themes", async () => {
    // One more conflict, so that the page of what waits has something to show.
    await disagree("Piotr Zielinski", "Nurture", "not_interested");
    const shown = [
      ["overview", `${address}`, ".changes li"],
      ["mapping", `${base}#mapping`, ".mapping li"],
      ["waiting", `${base}#waiting`, "#conflicts"],
      ["person", `${base}#person/${jane.lead}`, ".story li"],
      ["leads", `${sandbox.salesforce}/people`, "select"],
      ["people", `${sandbox.engage}/people`, "select"],
    ];
    for (const size of Object.keys(SIZES)) {
      for (const theme of ["light", "dark"]) {
        const context = await browser.createBrowserContext();
        const { page: tab, troubles } = await open(context, address, size, theme);
        await reads(tab, ".side.engage .state", "Well");
        for (const [name, url, ready] of shown) {
          await tab.goto(url, { waitUntil: "domcontentloaded" });
          await tab.waitForSelector(ready);
          const what = `${name}, ${size}, ${theme}`;
          await fits(tab, what);
          await accessible(tab, what);
          await tab.screenshot({ path: `${pictures}/${name}-${size}-${theme}.png`, fullPage: size === "desktop" && ["mapping", "person"].includes(name) });
        }
        check(troubles.length === 0, `${size}, ${theme}:\n${troubles.join("\n")}`);
        await context.close();
      }
    }
  });
} finally {
  await browser.close();
}
