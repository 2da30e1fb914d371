// What a model says of a scene, beside its replay: futures in the view from above, boxes in the plane of the image, and
// all of it as numbers. Where nothing is replayed, a timeline of its own leads through it.
"use strict";
const SVG = "http://www.w3.org/2000/svg";
const figure = document.querySelector("[data-predictions]");
const replay = document.querySelector("[data-replay]");

function make(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  parent?.append(made);
  return made;
}

const pairs = (steps) => Array.from({ length: steps.length / 2 }, (_one, i) => `${steps[2 * i]},${steps[2 * i + 1]}`).join(" ");

function drawFutures(instant) {
  const stage = replay?.querySelector("svg.replayed");
  if (!stage) return;
  stage.querySelector(".futures")?.remove();
  const layer = make("g", { class: "futures", "aria-hidden": "true" }, stage);
  instant?.futures.forEach((future) => {
    if (future.spread_m) make("circle", { class: "spread", cx: future.x, cy: future.y, r: future.spread_m }, layer);
    future.paths.forEach((path) => make("polyline", { points: pairs(path.steps), "stroke-opacity": Math.max(0.25, Math.sqrt(path.weight)) }, layer));
  });
}

function drawBoxes(plane, said, instant) {
  plane.replaceChildren();
  const size = said.height_px / 28;
  instant?.boxes.slice().reverse().forEach((box) => {
    const one = make("g", { "stroke-opacity": Math.max(0.15, box.score), "fill-opacity": Math.max(0.35, box.score) }, plane);
    make("rect", { x: box.x, y: box.y, width: box.width, height: box.height }, one);
    const text = make("text", { x: box.x, y: Math.max(box.y - size / 4, size), "font-size": size }, one);
    text.textContent = `${box.label} ${box.score.toFixed(2)}`;
  });
}

function fillTable(body, said) {
  const cell = (value, digits) => (value === null ? "–" : value.toFixed(digits));
  return said.instants.map((instant) => {
    const row = body.insertRow();
    const told = [`${instant.at_s.toFixed(1)} s`, instant.futures.length, cell(instant.spread_m, 2), instant.n_boxes, cell(instant.score, 2)];
    told.forEach((text) => { const one = row.insertCell(); one.className = "n"; one.textContent = text; });
    return row;
  });
}

function start(said) {
  const plane = figure.querySelector("svg"), told = figure.querySelector("[role=status]"), slider = figure.querySelector("input");
  const rows = fillTable(figure.querySelector("tbody"), said);
  const gaps = said.instants.slice(1).map((instant, i) => instant.at_s - said.instants[i].at_s);
  const reach = gaps.length ? Math.max(...gaps) / 2 + 1e-3 : 0.5;
  plane.setAttribute("viewBox", `0 0 ${said.width_px || 1} ${said.height_px || 1}`);
  plane.toggleAttribute("hidden", !said.width_px);

  function show(at_s) {
    const away = said.instants.map((instant) => Math.abs(instant.at_s - at_s));
    const place = away.indexOf(Math.min(...away)), instant = away[place] <= reach ? said.instants[place] : null;
    drawFutures(instant);
    drawBoxes(plane, said, instant);
    rows.forEach((row, i) => row.toggleAttribute("aria-current", instant !== null && i === place));
    const { futures, boxes, nothing } = figure.dataset;
    const parts = [];
    if (instant?.futures.length) parts.push(futures.replace("{n}", instant.futures.length).replace("{spread}", instant.spread_m.toFixed(2)));
    if (instant?.n_boxes) parts.push(boxes.replace("{n}", instant.n_boxes).replace("{score}", instant.score.toFixed(2)));
    told.textContent = parts.join(" ") || nothing;
  }

  figure.querySelector("h3").append(` (${said.model_id})`);
  figure.hidden = false;
  figure.querySelector(".elsewhere").hidden = !said.has_other_frame;
  if (replay) {
    slider.parentElement.hidden = true;
    replay.addEventListener("shown", (event) => show(event.detail));
    if (replay.dataset.at) show(Number(replay.dataset.at));
    else show(said.instants[0].at_s);
    return;
  }
  slider.max = said.instants.length - 1;
  slider.addEventListener("input", () => { show(said.instants[slider.value].at_s); slider.setAttribute("aria-valuetext", told.textContent); });
  show(said.instants[0].at_s);
}

if (figure) {
  const answer = await fetch(figure.dataset.predictions);
  const said = answer.ok ? await answer.json() : { instants: [] };
  if (said.instants.length) start(said);
}
