// Filters cards, and lights up on the map the scenes of the card that was opened last.
const cards = [...document.querySelectorAll(".card")];
const map = document.querySelector(".map");
const words = document.getElementById("words");
const status = document.getElementById("status");
const shown = document.getElementById("shown");

function filter() {
  const wanted = words.value.toLowerCase().split(/\s+/);
  cards.forEach((card) => {
    const text = card.textContent.toLowerCase();
    const isMeant = !status.value || card.dataset.status === status.value;
    card.hidden = !(isMeant && wanted.every((word) => text.includes(word)));
  });
  shown.textContent = `${cards.filter((card) => !card.hidden).length} of ${cards.length} cards`;
}

function light(card) {
  if (!map) return;
  const inside = new Set(card ? card.dataset.inside.split(" ") : []);
  map.classList.toggle("lit", inside.size > 0);
  map.querySelectorAll("[data-cluster]").forEach((mark) => mark.classList.toggle("on", inside.has(mark.dataset.cluster)));
}

function openCard(id) {
  const card = cards.find((one) => one.id === id);
  if (!card) return;
  card.hidden = false;
  card.open = true;
  light(card);
  card.scrollIntoView({ block: "nearest" });
}

words.addEventListener("input", filter);
status.addEventListener("change", filter);
cards.forEach((card) => card.querySelector("summary").addEventListener("click", () => light(card.open ? null : card)));
if (map) map.addEventListener("click", (event) => openCard(event.target.closest("[data-cluster]")?.dataset.cluster));
addEventListener("hashchange", () => openCard(decodeURIComponent(location.hash.slice(1))));
openCard(decodeURIComponent(location.hash.slice(1)));
