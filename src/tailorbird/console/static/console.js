// What every page needs: figures drawn from JSON that Python made, in the colours of the present theme.
"use strict";

const Console = (() => {
  const still = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  const palette = document.getElementById("palette-swap");
  const partners = JSON.parse(palette.textContent);

  // A figure arrives in the light palette (as in a notebook); in the dark each colour is swapped for its partner.
  function recolour(value, swap) {
    if (typeof value === "string") return swap[value.toLowerCase()] || value;
    if (Array.isArray(value)) return value.map((one) => recolour(one, swap));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, recolour(one, swap)]));
    }
    return value;
  }

  function paint(box, figure) {
    if (!window.Plotly) return;
    const dark = document.documentElement.dataset.theme === "dark";
    const { data, layout } = structuredClone(dark ? recolour(figure, partners) : figure);
    // Numbers written beyond the bars need more room where the bars are short.
    if (layout.meta?.long && box.clientWidth < 420) layout.xaxis.range[1] *= 1.5;
    Plotly.react(box, data, layout, { displayModeBar: false, responsive: true });
    box.figure = figure;
  }

  // Plotly is five megabytes: it comes when the page already stands, and only where there is something to draw.
  let plotly;
  const drawn = () => plotly ??= new Promise((ready) => {
    const script = Object.assign(document.createElement("script"), { src: palette.dataset.plotly, onload: ready });
    document.head.append(script);
  });

  async function paintAll(root = document) {
    if (!root.querySelector(".plot")) return;
    await drawn();
    for (const box of root.querySelectorAll(".plot")) {
      const source = box.parentElement.querySelector('script[type="application/json"]');
      if (source) paint(box, JSON.parse(source.textContent));
    }
  }

  document.addEventListener("theme", () => {
    for (const box of document.querySelectorAll(".plot")) if (box.figure) paint(box, box.figure);
  });

  // Submitting a filter by changing it; the button stays for those who prefer it.
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
  });

  window.addEventListener("DOMContentLoaded", () => paintAll());
  return { paint, paintAll, still };
})();
