// The review by keyboard, and without loading the page again: every decision is sent to the API, then the parts of the
// page that the server now says otherwise are put in. What the page shows is always what the server has rendered.
"use strict";
const review = document.getElementById("review");
const picks = document.getElementById("picks");
const told = document.getElementById("told");
const token = document.querySelector('meta[name="page-token"]').content;
const REFRESH_MS = 10000;
const served = new Map();
let current = "";

const rows = () => [...picks.children];
const rowOf = (scene) => rows().find((row) => row.dataset.scene === scene);

function tell(text, isGood = false) {
  told.classList.toggle("good", isGood);
  told.textContent = text;
}

function choose(row, isFocused = true) {
  if (!row) return;
  rows().forEach((other) => { other.tabIndex = other === row ? 0 : -1; });
  current = row.dataset.scene;
  if (isFocused) { row.focus({ preventScroll: true }); row.scrollIntoView({ block: "nearest" }); }
}

function remember() {
  served.clear();
  rows().forEach((row) => served.set(row.dataset.scene, row.outerHTML));
}

// Put in what differs; a row in which somebody is writing a reason stays as long as its last decision is the same.
function putIn(fresh) {
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const old = review.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!old || old.innerHTML === part.innerHTML) continue;
    const isOpen = old.querySelector("details")?.open;
    old.innerHTML = part.innerHTML;
    if (isOpen && old.querySelector("details")) old.querySelector("details").open = true;
  }
  const hadFocus = picks.contains(document.activeElement);
  const mine = new Map(rows().map((row) => [row.dataset.scene, row]));
  const wanted = [...fresh.querySelectorAll("#picks > li")].map((row) => {
    const old = mine.get(row.dataset.scene);
    const isSame = old && served.get(row.dataset.scene) === row.outerHTML;
    const isWriting = old?.querySelector(".against[open]") && old.dataset.seen === row.dataset.seen;
    if (!isSame && !isWriting) served.set(row.dataset.scene, row.outerHTML);
    return isSame || isWriting ? old : row;
  });
  if (wanted.some((row, place) => picks.children[place] !== row) || wanted.length !== picks.children.length) {
    picks.replaceChildren(...wanted);
    choose(rowOf(current) ?? rows()[0], hadFocus && !picks.contains(document.activeElement));
  }
  const count = fresh.querySelector("#keep");
  for (const box of document.querySelectorAll("#keep, #keep-range")) {
    box.max = count?.max ?? box.max;
    if (document.activeElement !== box) box.value = count?.value ?? box.value;
  }
}

async function refresh() {
  const answer = await fetch(location.pathname + location.search, { headers: { accept: "text/html" } });
  if (!answer.ok) return tell(review.dataset.lost);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("review");
  if (!fresh || !page.getElementById("keys")) return location.reload();
  const json = page.querySelector('link[rel="alternate"]').getAttribute("href");
  document.querySelector('link[rel="alternate"]').href = json;
  document.querySelector("body > footer a").href = json;
  putIn(fresh);
}

async function send(path, body) {
  try {
    const answer = await fetch(review.dataset.api + path, {
      method: "POST", headers: { "content-type": "application/json", "x-page-token": token }, body: JSON.stringify(body),
    });
    return [answer.ok, await answer.json()];
  } catch { return [false, { detail: review.dataset.lost }]; }
}

async function decide(row, decision, reason) {
  if (row.getAttribute("aria-busy")) return;
  const scene = row.dataset.scene;
  row.setAttribute("aria-busy", "true");
  tell(decision === "swap" ? review.dataset.busy : "", true);
  const [isDone, answer] = await send("/decisions", { scene_id: scene, decision, reason, seen: Number(row.dataset.seen) });
  row.removeAttribute("aria-busy");
  if (isDone) row.querySelector(".against")?.removeAttribute("open");
  await refresh();
  if (!isDone) { tell(answer.detail); choose(rowOf(scene)); rowOf(scene)?.classList.add("hit"); return; }
  tell(decision === "swap" ? `${scene} → ${answer.replacement}` : "", true);
  const after = rows();
  const next = after[after.indexOf(rowOf(scene)) + 1];
  choose(decision === "undo" || !next ? rowOf(scene) : next);
}

async function end(form) {
  const fields = new FormData(form);
  const keep = fields.has("keep") ? { keep: Number(fields.get("keep")) } : {};
  const body = { seen: Number(fields.get("seen")), approve_rest: fields.has("approve_rest"), ...keep };
  const [isDone, answer] = await send("/finish", body);
  // To the top, where it says that the review is over.
  if (isDone) return location.assign(location.pathname + location.search);
  await refresh();
  tell(answer.detail);
  told.scrollIntoView({ block: "center" });
}

review.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  if (form.matches(".decide") && submitter) {
    event.preventDefault();
    const reason = form.elements.reason?.value.trim() ?? "";
    decide(form.closest("li"), submitter.value, reason);
  } else if (form.matches(".finishing")) { event.preventDefault(); end(form); }
});

function ask(row, decision) {
  const against = row.querySelector(".against");
  if (!against) return;
  against.open = true;
  against.dataset.wanted = decision;
  against.querySelector("[name=reason]").focus();
}

const press = (row, decision) => row.querySelector(`.decide button[value="${decision}"]`)?.click();
const KEYS = {
  j: (row) => choose(row?.nextElementSibling ?? row ?? rows()[0]),
  k: (row) => choose(row?.previousElementSibling ?? row),
  a: (row) => press(row, "approve"),
  d: (row) => press(row, "defer"),
  u: (row) => press(row, "undo"),
  r: (row) => ask(row, "reject"),
  s: (row) => ask(row, "swap"),
  "?": () => document.getElementById("keys").showModal(),
};

document.addEventListener("keydown", (event) => {
  const box = event.target.closest("input, textarea, select");
  const against = box?.closest(".against");
  if (against && event.key === "Enter" && !event.isComposing) {
    event.preventDefault();
    box.form.requestSubmit(box.form.querySelector(`button[value="${against.dataset.wanted ?? "reject"}"]`));
  } else if (against && event.key === "Escape") {
    against.open = false;
    choose(box.closest("li"));
  }
  if (box || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const act = KEYS[event.key];
  const row = document.activeElement.closest?.("#picks > li") ?? rowOf(current);
  if (!act || (!row && !["j", "?"].includes(event.key))) return;
  event.preventDefault();
  // The first j only shows where one is.
  if (event.key === "j" && !picks.contains(document.activeElement)) choose(row ?? rows()[0]);
  else act(row);
});

picks.addEventListener("focusin", (event) => choose(event.target.closest("li"), false));
const help = document.getElementById("help");
help.hidden = false;
help.addEventListener("click", KEYS["?"]);

// Moving the cut: the address says where it is.
const cut = document.getElementById("cut");
const range = document.getElementById("keep-range");
const keep = document.getElementById("keep");
range.hidden = false;
cut.classList.add("is-live");
function move(value) {
  const address = new URL(location.href);
  if (Number(value) < Number(keep.max)) address.searchParams.set("keep", value);
  else address.searchParams.delete("keep");
  history.replaceState(null, "", address);
  refresh();
}
range.addEventListener("input", () => { keep.value = range.value; });
range.addEventListener("change", () => move(range.value));
keep.addEventListener("change", () => { range.value = keep.value; if (keep.checkValidity()) move(keep.value); });
cut.addEventListener("submit", (event) => { event.preventDefault(); if (keep.checkValidity()) move(keep.value); });

remember();
choose(rowOf(document.querySelector("#picks > li:target")?.dataset.scene ?? "") ?? rows()[0], false);
review.addEventListener("click", (event) => {
  const finish = event.target.closest('.within [href="#finish"]') && review.querySelector(".finish");
  if (finish) finish.open = true;
});
setInterval(() => { if (document.visibilityState === "visible") refresh().catch(() => {}); }, REFRESH_MS);
