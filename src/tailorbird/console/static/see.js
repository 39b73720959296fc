// A click on a tile: send it, take the new slate, and let every tile travel from where it was to where it is.
"use strict";
(() => {
  const stage = document.getElementById("stage");
  const sheet = document.getElementById("why");
  let busy = false;

  const tiles = () => [...document.querySelectorAll("#tiles > .tile")];
  const shares = () => Object.fromEntries(
    [...document.querySelectorAll("[data-taste]")].map((row) => [row.dataset.taste, row.querySelector("i").style.getPropertyValue("--w")]),
  );

  function travel(before) {
    if (Console.still()) return;
    for (const [place, tile] of tiles().entries()) {
      const was = before.get(tile.dataset.item);
      const is = tile.getBoundingClientRect();
      if (!was) {
        tile.animate(
          [{ opacity: 0, transform: "translateY(18px) scale(0.96)" }, { opacity: 1, transform: "none" }],
          { duration: 420, delay: 120 + 28 * place, easing: "cubic-bezier(0.2, 0.8, 0.2, 1)", fill: "backwards" },
        );
        continue;
      }
      const [dx, dy] = [was.left - is.left, was.top - is.top];
      if (!dx && !dy) continue;
      tile.animate([{ transform: `translate(${dx}px, ${dy}px)`, zIndex: 2 }, { transform: "none", zIndex: 2 }],
        { duration: 560, easing: "cubic-bezier(0.3, 0.9, 0.3, 1)" });
    }
  }

  // A meter grows from its old share to its new one: the transition needs one frame with the old.
  function grow(before) {
    if (Console.still()) return;
    for (const row of document.querySelectorAll("[data-taste]")) {
      const bar = row.querySelector("i");
      const now = bar.style.getPropertyValue("--w");
      bar.style.setProperty("--w", before[row.dataset.taste] || "0%");
      requestAnimationFrame(() => requestAnimationFrame(() => bar.style.setProperty("--w", now)));
    }
  }

  async function act(form) {
    if (busy) return;
    busy = true;
    stage.classList.add("busy");
    stage.setAttribute("aria-busy", "true");
    const byKeyboard = document.activeElement?.matches(":focus-visible");
    const position = Number(new FormData(form).get("position"));
    const places = new Map(tiles().map((tile) => [tile.dataset.item, tile.getBoundingClientRect()]));
    const leaning = shares();
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        headers: { "X-Part": "see" },
        body: new URLSearchParams(new FormData(form)),
      });
      const html = await answer.text();
      if (answer.status === 401) return location.reload();
      if (!answer.ok) {
        const page = new DOMParser().parseFromString(html, "text/html");
        document.getElementById("story").textContent = page.querySelector("[role=alert] p")?.textContent || "That did not work.";
        return;
      }
      const fromSheet = sheet.open;
      if (fromSheet) sheet.close();
      stage.innerHTML = html;
      // A live region only speaks when it was there before its words.
      document.getElementById("said").textContent = document.querySelector("#story p").textContent.trim().replace(/\s+/g, " ");
      travel(places);
      grow(leaning);
      Console.paintAll(stage);
      const next = (byKeyboard || fromSheet) && tiles()[Math.min(position, tiles().length - 1)]?.querySelector(".hit");
      if (next) next.focus({ preventScroll: true });
    } catch {
      document.getElementById("story").textContent = "The server did not answer. Is it still running?";
    } finally {
      busy = false;
      stage.classList.remove("busy");
      stage.removeAttribute("aria-busy");
    }
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form.act") || !stage) return;
    event.preventDefault();
    act(event.target);
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-why]");
    if (button) {
      sheet.replaceChildren(document.getElementById(button.dataset.why).content.cloneNode(true));
      sheet.showModal();
    } else if (event.target === sheet) {
      sheet.close();
    }
  });
})();
