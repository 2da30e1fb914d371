// Draws the figures of a page with Plotly, under a policy that lets no page hold styles of its own. Load it before
// Plotly. Traces in WebGL (`scattergl`, ...) cannot be drawn so: they make code out of text, which the policy forbids.
"use strict";

// Plotly makes style elements, and sets styles as attributes; the policy forbids both. Style sheets that are made by a
// script, and styles as properties, are what it allows.
const createElement = Document.prototype.createElement;
Document.prototype.createElement = function (tag, ...more) {
  if (String(tag).toLowerCase() !== "style") return createElement.call(this, tag, ...more);
  const sheet = new CSSStyleSheet();
  this.adoptedStyleSheets.push(sheet);
  return Object.defineProperty(createElement.call(this, "template"), "sheet", { value: sheet });
};
const setAttribute = Element.prototype.setAttribute;
Element.prototype.setAttribute = function (name, value) {
  if (name === "style") this.style.cssText = value;
  else setAttribute.call(this, name, value);
};

// Figures name ink, muted, line and paper by the stand-in colours of palette.py.
function themed(text) {
  const style = getComputedStyle(document.documentElement);
  const names = { "#010101": "ink", "#020202": "muted", "#030303": "line", "#040404": "paper" };
  const colours = new Map(Object.entries(names).map(([key, name]) => [key, style.getPropertyValue("--" + name).trim()]));
  return JSON.parse(text, (key, value) => (/colou?r$/.test(key) && colours.get(value)) || value);
}

const isTouch = matchMedia("(pointer: coarse)").matches;
const SETTINGS = {
  displaylogo: false, plotlyServerURL: "", responsive: true, displayModeBar: isTouch ? false : "hover",
  modeBarButtons: [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
};

function drawFigure(chart, figure) {
  const layout = isTouch ? { ...figure.layout, dragmode: false } : figure.layout;
  return Plotly.react(chart, figure.data, layout, { ...SETTINGS, ...figure.config });
}

function drawFigures() {
  const data = document.getElementById("figures");
  if (!data) return;
  const figures = themed(data.textContent);
  document.querySelectorAll("[data-figure]").forEach((chart) => drawFigure(chart, figures[chart.dataset.figure]));
}

document.addEventListener("DOMContentLoaded", () => {
  drawFigures();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawFigures);
});
