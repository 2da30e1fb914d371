// What pages share: a header sorts its table, a filter box keeps the rows that hold every word; both stay in the address.
"use strict";
const asked = new URLSearchParams(location.hash.slice(1));

function remember(name, value) {
  asked.set(name, value);
  try { history.replaceState(null, "", "#" + asked); } catch { /* the address stays as it is */ }
}

function sortBy(table, column, direction) {
  const cells = [...table.tHead.rows[0].cells];
  const isNumber = cells[column].classList.contains("n");
  const value = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent.trim();
  const compare = (a, b) => (isNumber ? a - b : a.localeCompare(b, document.documentElement.lang, { numeric: true }));
  const sign = direction === "descending" ? -1 : 1;
  const rows = [...table.tBodies[0].rows].map((row) => [value(row), row]);
  // What has no value stands last in both directions.
  rows.sort(([a], [b]) => (a === "") - (b === "") || sign * compare(a, b));
  table.tBodies[0].append(...rows.map(([, row]) => row));
  cells.forEach((cell) => cell.removeAttribute("aria-sort"));
  cells[column].setAttribute("aria-sort", direction);
}

document.querySelectorAll("table.sortable").forEach((table) => {
  [...table.tHead.rows[0].cells].forEach((cell, column) => cell.querySelector("button")?.addEventListener("click", () => {
    const direction = cell.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
    sortBy(table, column, direction);
    remember(table.id, `${column} ${direction}`);
  }));
  const [column, direction] = (asked.get(table.id) || "").split(" ");
  if (table.tHead.rows[0].cells[column] && ["ascending", "descending"].includes(direction)) sortBy(table, Number(column), direction);
});

document.querySelectorAll("[data-filter]").forEach((box) => {
  const rows = [...document.getElementById(box.dataset.filter).tBodies[0].rows];
  const keep = () => {
    const words = box.value.toLowerCase().split(/\s+/);
    rows.forEach((row) => { row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word)); });
  };
  box.addEventListener("input", () => { keep(); remember(box.name, box.value); });
  box.value = asked.get(box.name) || "";
  keep();
});
