// What every page needs: figures drawn from JSON that Python made, in the colours of the present theme.
"use strict";

const Console = (() => {
  const still = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  const partners = JSON.parse(document.getElementById("palette-swap").textContent);

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

  function paintAll(root = document) {
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

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
  });

  window.addEventListener("DOMContentLoaded", () => paintAll());
  return { paint, paintAll, still };
})();
