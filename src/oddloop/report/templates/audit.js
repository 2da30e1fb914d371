// Draws the page's charts in the reader's colours, light or dark.
const view = document.getElementById("report-view").textContent;
const charts = [...document.querySelectorAll("[data-figure]")];

function drawAll() {
  const style = getComputedStyle(document.documentElement);
  const names = { "#010101": "ink", "#020202": "muted", "#030303": "line", "#040404": "paper" };
  const colours = new Map(Object.entries(names).map(([key, name]) => [key, style.getPropertyValue("--" + name).trim()]));
  const paint = (key, value) => (/colou?r$/.test(key) && colours.get(value)) || value;
  const { figures } = JSON.parse(view, paint);
  const settings = {
    displaylogo: false, plotlyServerURL: "", responsive: true,
    displayModeBar: matchMedia("(pointer: coarse)").matches ? false : "hover",
    modeBarButtons: [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "autoScale2d", "resetScale2d"]],
  };
  charts.forEach((chart) => {
    const { data, layout } = figures[chart.dataset.figure];
    Plotly.react(chart, data, layout, settings);
  });
}

drawAll();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
