// Plays a scene from above: places by instant come as JSON, everybody is a shape in an SVG.
"use strict";
const SVG = "http://www.w3.org/2000/svg";

function make(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  parent.append(made);
  return made;
}

function buildStage(stage, scene) {
  const svg = document.createElementNS(SVG, "svg");
  const old = stage.querySelector("svg");
  svg.setAttribute("class", "bev replayed");
  svg.setAttribute("viewBox", scene.box.join(" "));
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", old.getAttribute("aria-label"));
  const paths = scene.agents.map(() => []);
  scene.frames.forEach((frame) => frame.forEach(([agent, x, y]) => paths[agent].push(`${x},${y}`)));
  paths.forEach((points, agent) => make("polyline", { class: scene.agents[agent].is_ego ? "trail ego" : "trail", points: points.join(" ") }, svg));
  const shapes = scene.agents.map((agent) => {
    const [l, w] = [agent.length_m / 2, agent.width_m / 2];
    return make("polygon", { points: `${-l},${-w} ${l / 2},${-w} ${l},0 ${l / 2},${w} ${-l},${w}` }, svg);
  });
  old.replaceWith(svg);
  return shapes;
}

function start(figure, scene) {
  const shapes = buildStage(figure.querySelector(".stage"), scene);
  const [button, slider, told] = ["button", "input", "output"].map((name) => figure.querySelector(name));
  const last = scene.frames.length - 1;
  let at = 0, playing = 0;

  function show(frame) {
    at = Math.max(0, Math.min(last, frame));
    shapes.forEach((shape) => shape.setAttribute("display", "none"));
    scene.frames[at].forEach(([agent, x, y, turn, speed]) => {
      shapes[agent].setAttribute("class", scene.agents[agent].is_ego ? "b ego" : `b s${speed}`);
      shapes[agent].setAttribute("transform", `translate(${x} ${y}) rotate(${turn})`);
      shapes[agent].removeAttribute("display");
    });
    slider.value = at;
    told.textContent = `${scene.times_s[at].toFixed(1)} s / ${scene.times_s[last].toFixed(1)} s`;
    slider.setAttribute("aria-valuetext", told.textContent);
    figure.dataset.at = scene.times_s[at];
    figure.dispatchEvent(new CustomEvent("shown", { detail: scene.times_s[at] }));
  }
  function remember() {
    const kept = new URLSearchParams(location.hash.slice(1));
    kept.set("at", scene.times_s[at]);
    try { history.replaceState(null, "", "#" + kept); } catch { /* the address stays as it is */ }
  }
  function pause() {
    cancelAnimationFrame(playing);
    playing = 0;
    button.textContent = figure.dataset.play;
    remember();
  }
  function play() {
    if (at === last) show(0);
    const since = performance.now() - 1000 * scene.times_s[at];
    button.textContent = figure.dataset.pause;
    const step = (now) => {
      let next = at;
      while (next < last && 1000 * scene.times_s[next + 1] <= now - since) next += 1;
      if (next !== at) show(next);
      if (at === last) pause();
      else playing = requestAnimationFrame(step);
    };
    playing = requestAnimationFrame(step);
  }
  const toggle = () => (playing ? pause() : play());
  const go = (frame) => { if (playing) pause(); show(frame); remember(); };

  button.addEventListener("click", toggle);
  slider.addEventListener("input", () => go(Number(slider.value)));
  figure.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last };
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key in moves) go(moves[event.key]);
    else if (event.key === " " && event.target !== button) toggle();
    else return;
    event.preventDefault();
  });
  slider.max = last;
  const asked = Number(new URLSearchParams(location.hash.slice(1)).get("at"));
  const first = scene.times_s.findIndex((time) => time >= asked);
  show(first < 0 ? last : first);
  figure.querySelectorAll("[hidden]").forEach((part) => { part.hidden = false; });
}

document.querySelectorAll("[data-replay]").forEach(async (figure) => {
  const answer = await fetch(figure.dataset.replay);
  if (answer.ok) start(figure, await answer.json());  // else the drawing stays
});
