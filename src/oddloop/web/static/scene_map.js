// The map: dots on a canvas where there are few enough, each with its cluster's name; a drag over a part goes there.
"use strict";
const map = document.getElementById("scene-map");
const under = document.getElementById("under");
const NEAR_PX = 9, DRAG_PX = 6;
const holes = [0, 0.35, 0.65];
const form = document.getElementById("keep-area");
const outlined = document.getElementById("outlined");
let tool = "zoom", trace = [];
let scenes = null;

function paint(canvas) {
  const scale = window.devicePixelRatio || 1;
  const width = canvas.width = Math.round(map.clientWidth * scale), height = canvas.height = Math.round(map.clientHeight * scale);
  const pen = canvas.getContext("2d");
  const radius = scale * (scenes.x.length > 5000 ? 2.5 : 3.5) * Math.max(0.6, map.clientWidth / 1200);
  const dots = (place, size) => {
    pen.beginPath();
    scenes.colour.forEach((colour, i) => {
      if (colour !== place) return;
      const x = scenes.x[i] * width, y = (1 - scenes.y[i]) * height;
      pen.moveTo(x + size, y);
      pen.arc(x, y, size, 0, 2 * Math.PI);
    });
    pen.fill();
  };
  const paper = getComputedStyle(map).backgroundColor;
  pen.globalAlpha = 0.35;
  pen.fillStyle = "#888888";
  dots(-1, radius * 0.7);
  pen.globalAlpha = 0.9;
  // What matters most lies on top: the first clusters, and what somebody has said something of.
  const order = scenes.colours.map((_one, place) => place);
  if (map.dataset.colour === "cluster") order.reverse();
  for (const place of order) {
    const one = scenes.colours[place], hole = holes[one.look];
    pen.fillStyle = one.paint;
    dots(place, radius);
    if (hole) { pen.fillStyle = paper; dots(place, radius * hole); }
  }
}

function nearest(event) {
  if (!scenes) return null;
  const box = map.getBoundingClientRect();
  const left = (event.clientX - box.left) / box.width, up = 1 - (event.clientY - box.top) / box.height;
  let best = NEAR_PX ** 2, found = -1;
  for (let i = 0; i < scenes.x.length; i += 1) {
    const away = ((scenes.x[i] - left) * box.width) ** 2 + ((scenes.y[i] - up) * box.height) ** 2;
    if (away < best && scenes.colour[i] >= 0) { best = away; found = i; }
  }
  return found < 0 ? null : scenes.colour[found];
}

async function draw() {
  const answer = await fetch(map.dataset.api);
  if (!answer.ok) return;
  scenes = await answer.json();
  const canvas = document.createElement("canvas");
  canvas.setAttribute("aria-hidden", "true");
  map.append(canvas);
  paint(canvas);
  map.querySelector("img").classList.add("is-drawn");
  new ResizeObserver(() => paint(canvas)).observe(map);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => paint(canvas));
}

const share = (value, size) => Math.min(Math.max(value / size, 0), 1);

function goTo(from, to, box) {
  const part = (low, high, a, b, size) => [a, b].sort((x, y) => x - y).map((v) => low + (high - low) * share(v, size));
  const { left, right, top, bottom, colour, mark } = map.dataset;
  const [l, r] = part(+left, +right, from.clientX - box.left, to.clientX - box.left, box.width);
  const [t, b] = part(+top, +bottom, from.clientY - box.top, to.clientY - box.top, box.height);
  const asked = { left: l, right: r, top: t, bottom: b };
  if (r - l < 2e-6 || b - t < 2e-6) return;
  const query = new URLSearchParams({ colour, mark });
  Object.entries(asked).forEach(([name, value]) => query.set(name, value.toFixed(6)));
  location.assign(`${location.pathname}?${query}`);
}

function meaningOf(place) {
  const one = scenes.colours[place], told = document.querySelector(`[data-place="${place}"]`);
  return one.kind === "cluster" || !told ? [one.key, one.name].filter(Boolean).join(" ") : told.textContent.trim();
}

// An outline is drawn by hand, in shares of the part in sight; what is sent are shares of the whole map.
function shareOf(event) {
  const box = map.getBoundingClientRect();
  return [share(event.clientX - box.left, box.width), share(event.clientY - box.top, box.height)];
}

function addCorner(event) {
  const [x, y] = shareOf(event), last = trace[trace.length - 1];
  if (last && Math.hypot((x - last[0]) * map.clientWidth, (y - last[1]) * map.clientHeight) < 3) return;
  trace.push([x, y]);
  showOutline(trace);
}

function showOutline(corners) {
  map.querySelector(".outline")?.remove();
  if (!corners.length) return;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  Object.entries({ class: "outline", viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" }).forEach(([key, value]) => svg.setAttribute(key, value));
  svg.append(document.createElementNS("http://www.w3.org/2000/svg", "polygon"));
  svg.firstChild.setAttribute("points", corners.map((corner) => corner.join()).join(" "));
  map.append(svg);
}

function isInside(x, y, corners) {
  let inside = false;
  corners.forEach(([x1, y1], i) => {
    const [x0, y0] = corners[(i || corners.length) - 1];
    if ((y0 > y) !== (y1 > y) && x < x0 + ((y - y0) * (x1 - x0)) / (y1 - y0)) inside = !inside;
  });
  return inside;
}

function endOutline() {
  const every = Math.ceil(trace.length / 500), corners = trace.filter((_one, i) => i % every === 0);
  trace = [];
  if (corners.length < 3) { clearOutline(); return; }
  const { left, right, top, bottom } = map.dataset;
  const whole = corners.map(([x, y]) => [+left + (right - left) * x, +top + (bottom - top) * y]);
  form.elements.corners.value = whole.map((corner) => corner.map((value) => value.toFixed(6)).join()).join(" ");
  const n = scenes ? scenes.x.filter((x, i) => isInside(x, 1 - scenes.y[i], corners)).length : null;
  outlined.textContent = n === null ? outlined.dataset.dense : outlined.dataset.counted.replace("{n}", n.toLocaleString());
  document.getElementById("clear-outline").hidden = false;
}

function clearOutline() {
  trace = [];
  showOutline([]);
  form.elements.corners.value = "";
  outlined.textContent = "";
  document.getElementById("clear-outline").hidden = true;
}

function choose(name) {
  tool = name;
  map.classList.toggle("lasso", tool === "lasso");
  map.querySelector("nav.zoom").hidden = tool === "lasso";
  document.querySelectorAll("[data-tool]").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.tool === tool)));
}

if (form) {
  document.querySelectorAll(".tools").forEach((tools) => { tools.hidden = false; });
  document.querySelectorAll("[data-tool]").forEach((button) => button.addEventListener("click", () => choose(button.dataset.tool)));
  document.getElementById("clear-outline").addEventListener("click", clearOutline);
  form.querySelectorAll("fieldset input").forEach((input) => input.addEventListener("input", clearOutline));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") clearOutline(); });
}

let from = null, frame = null;
const isFar = (event) => from && Math.max(Math.abs(event.clientX - from.clientX), Math.abs(event.clientY - from.clientY)) > DRAG_PX;

map?.addEventListener("dragstart", (event) => event.preventDefault());
map?.addEventListener("pointerdown", (event) => {
  if (tool === "lasso" && event.button === 0) { clearOutline(); map.setPointerCapture(event.pointerId); addCorner(event); event.preventDefault(); return; }
  if (event.button === 0 && event.pointerType === "mouse") from = event;
});
map?.addEventListener("pointermove", (event) => {
  if (trace.length) { addCorner(event); return; }
  const place = nearest(event);
  under.textContent = place === null ? "" : meaningOf(place);
  if (!isFar(event)) return;
  if (!frame) { frame = document.createElement("div"); frame.className = "box"; map.append(frame); }
  const box = map.getBoundingClientRect();
  frame.style.left = `${Math.min(from.clientX, event.clientX) - box.left}px`;
  frame.style.top = `${Math.min(from.clientY, event.clientY) - box.top}px`;
  frame.style.width = `${Math.abs(event.clientX - from.clientX)}px`;
  frame.style.height = `${Math.abs(event.clientY - from.clientY)}px`;
});
window.addEventListener("pointerup", (event) => {
  if (trace.length) { endOutline(); return; }
  const start = from;
  const isDrag = isFar(event);
  from = null;
  frame?.remove();
  frame = null;
  if (!isDrag) return;
  map.addEventListener("click", (click) => { click.preventDefault(); click.stopPropagation(); }, { capture: true, once: true });
  setTimeout(() => goTo(start, event, map.getBoundingClientRect()));
});
map?.addEventListener("click", (event) => {
  const place = event.detail ? nearest(event) : null;
  if (place === null || scenes.colours[place].kind !== "cluster") return;
  event.preventDefault();
  location.assign(`/clusters/${scenes.colours[place].key}`);
});
if (map?.dataset.dense === "no") draw();
