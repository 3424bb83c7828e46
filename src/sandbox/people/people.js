// The list is asked for every second; a row is touched only where something changed, so that nobody who is just choosing
// a status is disturbed.
const rows = new Map();
const said = document.getElementById("said");

function option(value, label) {
  const made = document.createElement("option");
  made.value = value;
  made.textContent = label;
  return made;
}

function cell(row, text) {
  const made = row.insertCell();
  made.textContent = text;
  return made;
}

async function choose(person, select) {
  const wanted = select.value;
  const answer = await fetch("/people/status", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ id: person.id, status: wanted }),
  });
  const { error } = await answer.json();
  const label = select.selectedOptions[0].textContent;
  said.textContent = error ? `Not done: ${error}` : `${person.name} is ${label}.`;
  if (error) select.value = select.dataset.held;
  else select.dataset.held = wanted;
}

function add(person, statuses) {
  const row = document.getElementById("people").insertRow();
  cell(row, person.name);
  cell(row, person.company);
  const select = document.createElement("select");
  select.setAttribute("aria-label", `Status of ${person.name}`);
  select.dataset.person = person.id;
  for (const [value, label] of statuses) select.append(option(value, label));
  select.addEventListener("change", () => choose(person, select));
  cell(row, "").append(select);
  rows.set(person.id, { row, select });
  show(person, { row, select }, true);
}

function show(person, { row, select }, first) {
  if (select.dataset.held === person.status) return;
  select.dataset.held = person.status;
  if (![...select.options].some((known) => known.value === person.status)) {
    select.append(option(person.status, person.status));
  }
  select.value = person.status;
  if (first) return;
  row.classList.add("changed");
  setTimeout(() => row.classList.remove("changed"), 4000);
}

async function look() {
  const list = await (await fetch("/people/list")).json();
  document.title = `${list.title} – ${list.system} sandbox`;
  document.body.dataset.system = list.system;
  document.getElementById("system").textContent = `${list.system} sandbox`;
  document.getElementById("title").textContent = list.title;
  for (const person of list.people) {
    const known = rows.get(person.id);
    if (known) show(person, known, false);
    else add(person, list.statuses);
  }
}

async function keepLooking() {
  try {
    await look();
  } catch {
    said.textContent = "The sandbox does not answer; it may have ended.";
  }
  setTimeout(keepLooking, 1000);
}

keepLooking();
