// The map: dots on a canvas where there are few enough, each with its cluster's name; a drag over a part goes there.
"use strict";
const map = document.getElementById("scene-map");
const under = document.getElementById("under");
const NEAR_PX = 9, DRAG_PX = 6;
const holes = [0, 0.35, 0.65];
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
    const one = scenes.colours[place], hole = holes[Math.floor(one.place / 6) % 3];
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
  return found < 0 ? null : scenes.colours[scenes.colour[found]];
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

let from = null, frame = null;
const isFar = (event) => from && Math.max(Math.abs(event.clientX - from.clientX), Math.abs(event.clientY - from.clientY)) > DRAG_PX;

map?.addEventListener("dragstart", (event) => event.preventDefault());
map?.addEventListener("pointerdown", (event) => { if (event.button === 0 && event.pointerType === "mouse") from = event; });
map?.addEventListener("pointermove", (event) => {
  const one = nearest(event);
  under.textContent = one ? [one.key, one.name].filter(Boolean).join(" ") : "";
  if (!isFar(event)) return;
  if (!frame) { frame = document.createElement("div"); frame.className = "box"; map.append(frame); }
  const box = map.getBoundingClientRect();
  frame.style.left = `${Math.min(from.clientX, event.clientX) - box.left}px`;
  frame.style.top = `${Math.min(from.clientY, event.clientY) - box.top}px`;
  frame.style.width = `${Math.abs(event.clientX - from.clientX)}px`;
  frame.style.height = `${Math.abs(event.clientY - from.clientY)}px`;
});
window.addEventListener("pointerup", (event) => {
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
  const one = (map.dataset.mark || map.dataset.colour === "cluster") && event.detail ? nearest(event) : null;
  if (!one) return;
  event.preventDefault();
  location.assign(`/clusters/${one.key}`);
});
if (map?.dataset.dense === "no") draw();
