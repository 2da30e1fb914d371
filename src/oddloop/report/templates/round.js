// Lays out what the page's data says; decides nothing itself. Controls keep their state in the address after `#`.
const $ = (id) => document.getElementById(id);
const text = (id) => $(id).textContent;
const report = JSON.parse(text("report-data"));
const view = JSON.parse(text("report-view"));
const state = new URLSearchParams(location.hash.slice(1));

function element(tag, more, ...children) {
  const made = Object.assign(document.createElement(tag), more);
  made.append(...children);
  return made;
}

const header = (content, scope) => element("th", { scope, title: content }, content);

function remember(name, value) {
  state.set(name, value);
  try { history.replaceState(null, "", "#" + state); } catch { /* the address stays as it is */ }
}

// Charts. Figures name ink, muted, line and paper by the stand-in colours of palette.py.

function themedFigures() {
  const style = getComputedStyle(document.documentElement);
  const names = { "#010101": "ink", "#020202": "muted", "#030303": "line", "#040404": "paper" };
  const colours = new Map(Object.entries(names).map(([key, name]) => [key, style.getPropertyValue("--" + name).trim()]));
  const paint = (key, value) => (/colou?r$/.test(key) && colours.get(value)) || value;
  return JSON.parse(text("report-view"), paint).figures;
}

let figures = themedFigures();
const charts = [...document.querySelectorAll("[data-figure]")];
const isTouch = matchMedia("(pointer: coarse)").matches;
const settings = {
  displaylogo: false, plotlyServerURL: "", responsive: true, displayModeBar: isTouch ? false : "hover",
  modeBarButtons: [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
};

function draw(chart, size) {
  const { data, layout } = figures[chart.dataset.figure];
  const narrow = (size ? size.width : chart.clientWidth) < 560;
  // A finger that drags a chart means to scroll the page; corner hints and names do not fit a narrow one.
  const shown = { ...layout, ...size };
  if (isTouch) shown.dragmode = false;
  if (narrow) shown.annotations = (layout.annotations || []).filter((a) => a.name !== "hint");
  const traces = narrow ? data.map((t) => (t.mode === "markers+text" ? { ...t, mode: "markers" } : t)) : data;
  return Plotly.react(chart, traces, shown, settings);
}

function drawAll(size) {
  figures = themedFigures();
  charts.forEach((chart) => draw(chart, size));
}

function fillEvidence(key) {
  const { sentence, rows } = view.evidence[key];
  $("evidence-sentence").textContent = sentence;
  $("evidence-table").tBodies[0].replaceChildren(...rows.map(([arm, ...numbers]) =>
    element("tr", {}, header(arm, "row"), ...numbers.map((number) => element("td", { className: "n" }, number)))));
}

document.querySelectorAll("[data-chart]").forEach((select) => select.addEventListener("change", () => {
  const chart = $(select.dataset.chart);
  chart.dataset.figure = select.value;
  draw(chart);
  if (select.value in view.evidence) fillEvidence(select.value);
}));

// Tables: a header sorts, the filter box keeps rows that hold every word.

function sortBy(table, column, direction) {
  const head = table.tHead.rows[0].cells[column];
  const isNumber = head.classList.contains("n");
  const value = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent.trim();
  const compare = (a, b) => (isNumber ? a - b : a.localeCompare(b, "en", { numeric: true }));
  const sign = direction === "descending" ? -1 : 1;
  const rows = [...table.tBodies[0].rows].map((row) => [value(row), row]);
  // What has no value stands last in both directions.
  rows.sort(([a], [b]) => (a === "") - (b === "") || sign * compare(a, b));
  table.tBodies[0].append(...rows.map(([, row]) => row));
  [...table.tHead.rows[0].cells].forEach((cell) => cell.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", direction);
}

document.querySelectorAll("table.sortable").forEach((table) => {
  [...table.tHead.rows[0].cells].forEach((cell, column) => cell.addEventListener("click", () => {
    const direction = cell.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
    sortBy(table, column, direction);
    remember(table.id, `${column} ${direction}`);
  }));
  const [column, direction] = (state.get(table.id) || "").split(" ");
  if (table.tHead.rows[0].cells[column] && direction) sortBy(table, Number(column), direction);
});

document.querySelectorAll("[data-filter]").forEach((box) => box.addEventListener("input", () => {
  const rows = [...$(box.dataset.filter).tBodies[0].rows];
  const words = box.value.toLowerCase().split(/\s+/);
  rows.forEach((row) => { row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word)); });
  const shown = rows.filter((row) => !row.hidden).length;
  $("picks-count").textContent = `${shown} of ${rows.length} scenes`;
}));

// Coverage heatmap: a table, so that it can be read aloud, printed and walked with the arrow keys.

const heat = view.heatmap;
const heatTable = $("heatmap");

function findGrid(rows, columns) {
  const found = heat.grids.find((g) => g.rows === rows && g.columns === columns);
  if (found) return found;
  const turned = heat.grids.find((g) => g.rows === columns && g.columns === rows);
  const turn = (lines) => turned.column_values.map((_, column) => lines.map((line) => line[column]));
  const [cells, outside] = [turn(turned.cells), turn(turned.outside)];
  return { rows, columns, row_values: turned.column_values, column_values: turned.row_values, cells, outside };
}

function heatCell(cell, measure, isMetric, isOutside) {
  const shade = cell ? cell.shade[measure] : null;
  const lines = [...(isOutside ? ["Outside the ODD."] : []), ...(cell ? cell.lines : ["No scene of this kind."])];
  const more = { className: "none", lines, title: lines.join("\n"), tabIndex: -1 };
  const made = element("td", more, cell ? cell.text[measure] : isOutside ? "outside ODD" : "no data");
  // What is there all the same is told, but not shaded: nobody asks the model to be good at it.
  if (isOutside) made.className = "outside";
  if (isOutside || shade === null) return made;
  made.className = isMetric && cell.few ? "few" : isMetric ? "v metric" : "v";
  // Where the text must change colour to be read on its shade: sooner on dark paper than on light.
  made.classList.toggle("deep", shade > 0.6);
  made.classList.toggle("deeper", shade > 0.78);
  made.classList.toggle("misses", isMetric && cell.misses);
  made.style.setProperty("--s", shade);
  return made;
}

function drawHeat() {
  const [rows, columns, measure] = [$("heat-rows").value, $("heat-columns").value, Number($("heat-measure").value)];
  const grid = findGrid(rows, columns);
  const legend = heat.legends[columns ? 2 : 1][measure];
  const corner = header(columns ? `${rows} \\ ${columns}` : rows, "col");
  const cells = grid.cells.map((line, row) =>
    line.map((cell, column) => heatCell(cell, measure, legend.is_metric, grid.outside[row][column])));
  heatTable.replaceChildren(
    element("caption", {}, `${heat.measures[measure]} by ${rows}${columns ? " and " + columns : ""}`),
    element("thead", {}, element("tr", {}, corner, ...grid.column_values.map((v) => header(v, "col")))),
    element("tbody", {}, ...grid.row_values.map((v, i) => element("tr", {}, header(v, "row"), ...cells[i]))),
  );
  if (cells[0]?.[0]) cells[0][0].tabIndex = 0;
  drawLegend(legend, grid.outside.some((line) => line.includes(true)));
  showLines($("heat-details"), ["Point at a cell, or walk the grid with Tab and the arrow keys, to read all its counts."]);
}

function drawLegend(legend, hasOutside) {
  const ramp = element("span", { className: legend.is_metric ? "ramp metric" : "ramp" });
  const swatch = (className, name) => element("span", { className: "swatch " + className }, name);
  const keys = [element("span", {}, legend.light, ramp, legend.dark), swatch("none", "no data")];
  if (hasOutside) keys.push(swatch("outside", "outside the ODD"));
  const against = report.reference?.kind === "target" ? "the target" : "all scenes";
  if (legend.is_metric) keys.push(swatch("few", "too few logs to judge"));
  if (legend.is_metric && report.reference) keys.push(swatch("misses", `surely worse than ${against}`));
  $("heat-legend").replaceChildren(...keys);
}

function showLines(place, lines) {
  place.replaceChildren(...lines.map((line) => element("div", {}, line)));
}

function moveInHeat(event) {
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  const cell = event.target.closest("td");
  if (!step || !cell) return;
  event.preventDefault();
  const row = heatTable.rows[cell.parentNode.rowIndex + step[0]];
  const next = row && row.cells[cell.cellIndex + step[1]];
  if (!next || next.tagName !== "TD") return;
  cell.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

function startHeat() {
  const options = (names) => names.map(([value, name]) => new Option(name, value));
  const attributes = heat.attributes.map((name) => [name, name]);
  const hasPairs = heat.grids.some((g) => g.columns);
  $("heat-rows").append(...options(attributes));
  $("heat-columns").append(...options([["", "(none)"], ...(hasPairs ? attributes : [])]));
  $("heat-measure").append(...options(heat.measures.map((name, i) => [i, name])));
  const [rows, columns] = heat.start;
  $("heat-rows").value = rows;
  $("heat-columns").value = columns;
  document.querySelectorAll("#heat-rows, #heat-columns, #heat-measure").forEach((select) =>
    select.addEventListener("change", () => {
      const other = { "heat-rows": $("heat-columns"), "heat-columns": $("heat-rows") }[select.id];
      if (other?.value !== select.value) return drawHeat();
      other.value = heat.attributes.find((name) => name !== select.value);
      other.dispatchEvent(new Event("change"));
    }));
  const showCell = ({ target }) => target.closest("td") && showLines($("heat-details"), target.closest("td").lines);
  ["mouseover", "focusin", "click"].forEach((kind) => heatTable.addEventListener(kind, showCell));
  heatTable.addEventListener("keydown", moveInHeat);
}

// Details of a scene, from the map, the picks, or its id.

const map = report.map;
const decode = (coded, i) => coded.values[coded.codes[i]] ?? "none";
const called = (id) => [id, report.clusters.find((c) => c.cluster_id === id)?.name].filter(Boolean).join(" ");

function sceneLines(id) {
  const i = map.scene_id.indexOf(id);
  const pick = report.picks.find((p) => p.scene_id === id);
  if (i < 0 && !pick) return [id, "No such scene on the map."];
  const lines = [id];
  if (i >= 0) {
    const seconds = map.duration_s[i] === null ? "" : ` · ${map.duration_s[i]} s`;
    lines.push(`log: ${decode(map.log, i)} · ${decode(map.status, i)}${seconds} · cluster: ${called(decode(map.cluster, i))}`);
    lines.push(Object.entries(map.attributes).map(([name, coded]) => `${name}=${decode(coded, i)}`).join(" · "));
  }
  if (pick) lines.push(`pick ${pick.rank}: ${pick.reasons.map((r) => r.text || r.code).join("; ")}`);
  return lines.filter(Boolean);
}

function showScene(id) {
  showLines($("scene-details"), sceneLines(id));
  const i = map.scene_id.indexOf(id);
  const { font: { color }, hoverlabel: { bgcolor }, annotations: names } = figures.map.layout;
  const name = (id.length > 40 ? id.slice(0, 40) + "…" : id).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const box = { text: name, bgcolor, bordercolor: color, borderpad: 3, arrowcolor: color, arrowhead: 2, ax: 0, ay: -34 };
  Plotly.relayout($("map-chart"), { annotations: i < 0 ? names : [...names, { x: map.x[i], y: map.y[i], ...box }] });
}

function startMap() {
  $("map-chart").on("plotly_click", (event) => showScene(map.scene_id[event.points[0].customdata]));
  $("find").addEventListener("submit", (event) => {
    event.preventDefault();
    showScene(event.target.scene.value.trim());
  });
  document.querySelectorAll("[data-scene]").forEach((button) => button.addEventListener("click", () => {
    showScene(button.dataset.scene);
    $("map-chart").scrollIntoView({ block: "start" });
    $("scene-details").focus({ preventScroll: true });
  }));
}

// Start: fill the selectors, put back the state of the address, draw.

if (heatTable) startHeat();
document.querySelectorAll("select[name], input[name]").forEach((control) => {
  control.addEventListener("change", () => remember(control.name, control.value));
  const value = state.get(control.name);
  const known = control.options === undefined || [...control.options].some((option) => option.value === value);
  if (value === null || !known) return;
  control.value = value;
  control.dispatchEvent(new Event(control.type === "search" ? "input" : "change"));
});
if (heatTable) drawHeat();
drawAll();
if ($("map-chart")) startMap();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll());

// Paper is white and narrow, whatever the screen is.
addEventListener("beforeprint", () => { document.documentElement.classList.add("print"); drawAll({ width: 680 }); });
addEventListener("afterprint", () => {
  document.documentElement.classList.remove("print");
  drawAll();
  charts.forEach((chart) => Plotly.Plots.resize(chart));
});

$("download").addEventListener("click", () => {
  const href = URL.createObjectURL(new Blob([text("report-data")], { type: "application/json" }));
  const link = element("a", { href, download: $("download").dataset.name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});
