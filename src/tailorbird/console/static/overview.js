// Keeps the overview alive: asks every two seconds while somebody looks, and rests while the tab is hidden.
"use strict";
(() => {
  const EVERY_MS = 2000;
  const lamp = document.getElementById("live");
  let timer = 0;

  const say = (state, text) => {
    if (lamp.dataset.state === state) return;
    lamp.dataset.state = state;
    lamp.querySelector("span").textContent = text;
  };

  function replace(name, html) {
    const box = document.querySelector(`[data-part="${name}"]`);
    // What is being read or walked through with the keyboard stays where it is.
    if (!box || box.contains(document.activeElement) || box.matches(":hover")) return;
    if (box.innerHTML !== html) box.innerHTML = html;
  }

  async function ask() {
    try {
      const answer = await fetch("/console/live", { headers: { Accept: "application/json" } });
      if (answer.status === 401) return location.reload();
      if (!answer.ok) throw new Error(String(answer.status));
      const { parts, figures } = await answer.json();
      if (document.hidden) return;
      for (const name of ["stats", "attention", "wanted", "latest"]) replace(name, parts[name]);
      for (const [name, figure] of Object.entries(figures)) {
        const box = document.getElementById(`plot-${name}`);
        if (box) Console.paint(box, figure);
        else if (name === "latency") return location.reload();
      }
      const table = document.querySelector("#latency-box table");
      if (table && parts.latency.trim()) table.outerHTML = parts.latency;
      say("on", "Live");
    } catch {
      if (!document.hidden) say("lost", "No answer; trying again");
    }
    if (!document.hidden) timer = setTimeout(ask, EVERY_MS);
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.hidden) say("paused", "Paused");
    else ask();
  });
  timer = setTimeout(ask, EVERY_MS);
})();
