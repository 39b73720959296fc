// Tells a Tailorbird server what happens on a page, as far as whoever reads it agrees.
//
// Three places. `fresh` are events of this page that were not sent yet; they go in batches, at the latest when the page
// is left. What could not be sent waits in the browser's storage, under its event_ids, so that sending it again adds
// nothing. What happens before an answer about consent that is waited for is held in memory alone.
(() => {
  "use strict";
  const before = window.tailorbird;
  if (before && !Array.isArray(before)) return;

  const script = document.currentScript || document.querySelector("script[data-key][src*='tracker.js']");
  const { key = "", endpoint, consent: manner } = script.dataset;
  const base = (endpoint || new URL(script.src).origin).replace(/\/$/, "");
  const address = `${base}/v1/events?key=${encodeURIComponent(key)}`;
  const waits = manner === "wait";

  const STATE = "tailorbird";
  const WAITING = "tailorbird.waiting";
  const MOST_IN_BATCH = 20;
  const MOST_WAITING = 500;
  const BATCH_MS = 2000;
  const IDLE_MS = 30 * 60 * 1000;
  const SEEN_MS = 1000;
  const LONGEST_PAUSE_MS = 5 * 60 * 1000;
  const COOKIE_SECONDS = 390 * 24 * 3600;
  const ITEM = "[data-tailorbird-item]";
  const LIST = "[data-tailorbird-decision],[data-tailorbird-surface]";

  const visible = () => document.visibilityState === "visible";
  const random = () =>
    [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

  let warned = false;
  const warn = (text) => {
    if (!warned) console.warn(`tailorbird: ${text}`);
    warned = true;
  };

  // ---- what is kept in the browser: local storage, else a cookie, else this page's memory

  let storage = null;
  try {
    storage = window.localStorage;
  } catch {}
  const memory = {};

  const stored = (name) => {
    try {
      const cookie = () => decodeURIComponent((`; ${document.cookie}`.split(`; ${name}=`)[1] || "").split(";")[0]);
      return JSON.parse(storage ? storage.getItem(name) : cookie());
    } catch {
      return null;
    }
  };
  const load = (name) => stored(name) || memory[name] || null;
  const save = (name, value) => {
    const text = value && JSON.stringify(value);
    memory[name] = null;
    try {
      if (storage) value ? storage.setItem(name, text) : storage.removeItem(name);
      else if (name === STATE)
        document.cookie = `${name}=${value ? encodeURIComponent(text) : ""};path=/;samesite=lax;max-age=${value ? COOKIE_SECONDS : 0}`;
    } catch {}
    if (value && !stored(name)) memory[name] = value;
  };

  // ---- who it is, and what may be done

  // Read anew each time, because another tab may have answered meanwhile.
  let state = {};
  const recall = () => (state = load(STATE) || {});
  const answers = () => state.consent || {};
  // As the server reads them: in any case, and in American spelling.
  const purpose = (name) => {
    const plain = name.toLowerCase().replace("personaliz", "personalis");
    return ["analytics", "personalisation"].includes(plain) ? plain : name;
  };
  const allowed = () => answers().analytics ?? !waits;
  const keep = () => {
    if (allowed()) save(STATE, state);
    else memory[STATE] = state;
  };
  const who = () => ({ user_id: state.user, anonymous_id: state.id, session_id: state.session });

  const named = () => {
    const now = Date.now();
    if (!(now - state.seen < IDLE_MS)) state.session = random();
    state.id ||= random();
    state.seen = now;
    keep();
    return who();
  };

  // ---- events on their way

  let fresh = [];
  let held = [];
  let sights = [];
  let timer = 0;
  let failures = 0;
  let silentUntil = 0;
  let sending = null;

  const waiting = () => load(WAITING) || [];
  const soon = (ms) => {
    timer ||= setTimeout(flush, ms);
  };

  const put = (event) => {
    fresh.push({ ...named(), ...event });
    if (fresh.length < MOST_IN_BATCH) soon(BATCH_MS);
    else flush();
  };
  const track = (type, fields) => {
    recall();
    const event = { type, at: Date.now(), event_id: random(), ...fields };
    if (allowed()) put(event);
    else if (answers().analytics !== false) held = [...held, event].slice(-MOST_WAITING);
  };

  const park = (events) => {
    const all = [...waiting(), ...events];
    const lost = all.length - MOST_WAITING;
    if (lost > 0) {
      recall();
      state.dropped = (state.dropped || 0) + lost;
      keep();
      warn(`no server for long; the oldest ${lost} events are dropped.`);
    }
    save(WAITING, all.slice(-MOST_WAITING));
  };

  const post = (url, body, headers) =>
    fetch(url, { method: "POST", body, headers, credentials: "omit", keepalive: body.length < 60000 }).catch(() => null);
  const later = (answer) => {
    if (answer && answer.status < 500 && answer.status !== 429) {
      failures = 0;
      return false;
    }
    const asked = answer ? Number(answer.headers.get("Retry-After")) * 1000 || 0 : 0;
    silentUntil = Date.now() + Math.max(asked, Math.min(BATCH_MS * 2 ** failures++, LONGEST_PAUSE_MS));
    return true;
  };

  // Sends one batch, those that wait first; says whether there may be another.
  const step = async () => {
    report();
    recall();
    if (!allowed()) fresh = [];
    else if (state.user && state.joined !== `${state.id} ${state.user}`) {
      const { id, user } = state;
      const body = JSON.stringify({ anonymous_id: id, user_id: user });
      const answer = await post(`${base}/v1/identify`, body, { "Content-Type": "application/json", "X-API-Key": key });
      if (later(answer)) return false;
      recall();
      if (state.id === id) {
        state.joined = `${id} ${user}`;
        keep();
      }
    }
    const old = waiting().slice(0, MOST_IN_BATCH);
    const batch = old.length ? old : fresh.splice(0, MOST_IN_BATCH);
    if (!batch.length) return false;
    const answer = await post(address, JSON.stringify({ events: batch }));
    if (later(answer)) {
      recall();
      if (batch !== old && allowed()) park(batch);
      return false;
    }
    const ids = new Set(batch.map((event) => event.event_id));
    const left = waiting().filter((event) => !ids.has(event.event_id));
    save(WAITING, left.length ? left : null);
    const told = await answer.json().catch(() => ({}));
    const refusal = answer.ok ? (told.rejected || [])[0] : { message: told.detail || `status ${answer.status}` };
    if (refusal) warn(`events were refused: ${refusal.message}`);
    return true;
  };
  const rounds = async () => {
    while (Date.now() >= silentUntil && (await step()));
    const pause = silentUntil - Date.now();
    if (pause > 0) {
      recall();
      if (fresh.length && allowed()) park(fresh.splice(0));
      soon(pause);
    }
  };
  const flush = () => {
    clearTimeout(timer);
    timer = 0;
    sending ||= Promise.resolve()
      .then(rounds)
      .finally(() => {
        sending = null;
      });
    return sending;
  };

  // ---- what is in sight, and clicks on it

  const seen = new Set();
  const watched = new WeakMap();
  const clocks = new Map();

  const placed = (element) => {
    const list = element.closest(LIST);
    const { tailorbirdDecision: decision_id, tailorbirdSurface: surface } = list ? list.dataset : {};
    return { item_id: element.dataset.tailorbirdItem, decision_id, surface };
  };
  const mark = (element) => JSON.stringify(placed(element));
  const counted = (element) => {
    const all = [...(element.closest(LIST) || document).querySelectorAll(ITEM)];
    return { ...placed(element), position: Number(element.dataset.tailorbirdPosition ?? all.indexOf(element)) };
  };
  const see = (element) => {
    rest(element);
    watcher.unobserve(element);
    if (seen.has(mark(element))) return;
    seen.add(mark(element));
    sights.push(counted(element));
    soon(BATCH_MS);
  };
  const rest = (element) => {
    clearTimeout(clocks.get(element));
    clocks.delete(element);
  };
  const look = (element) => {
    rest(element);
    clocks.set(element, visible() ? setTimeout(see, SEEN_MS, element) : 0);
  };
  const watcher = new IntersectionObserver(
    (entries) => entries.forEach((entry) => (entry.intersectionRatio >= 0.5 ? look : rest)(entry.target)),
    { threshold: 0.5 },
  );

  // One list_view for what was seen of each list.
  const report = () => {
    const lists = {};
    for (const one of sights.splice(0)) (lists[`${one.decision_id} ${one.surface}`] ||= []).push(one);
    for (const list of Object.values(lists)) {
      list.sort((one, other) => one.position - other.position);
      const [{ decision_id, surface, position }] = list;
      const items = list.map(({ item_id }) => ({ item_id }));
      const properties = { positions: list.map((one) => one.position) };
      track("list_view", { items, decision_id, surface, position, properties });
    }
  };

  let scanning = 0;
  const scan = () => {
    scanning = 0;
    for (const element of document.querySelectorAll(ITEM)) {
      if (watched.get(element) === mark(element)) continue;
      watched.set(element, mark(element));
      watcher.unobserve(element);
      watcher.observe(element);
    }
  };
  new MutationObserver(() => {
    scanning ||= setTimeout(scan, 100);
  }).observe(document.documentElement, {
    childList: true,
    subtree: true,
    attributeFilter: ["data-tailorbird-item", "data-tailorbird-decision"],
  });

  const click = (event) => {
    const element = event.button < 2 && event.detail < 2 && event.target.closest?.(ITEM);
    if (!element) return;
    // Whoever clicks has seen, however quickly.
    see(element);
    report();
    track("list_click", counted(element));
  };
  addEventListener("click", click, true);
  addEventListener("auxclick", click, true);

  // ---- how long and how far the page is read

  let page = {};
  const begin = (item) => {
    page = { item, dwell: 0, told: 0, since: visible() ? performance.now() : null };
  };
  const left = () => {
    if (page.since != null) page.dwell += performance.now() - page.since;
    page.since = null;
    const dwell = Math.round(page.dwell / 100) / 10;
    if (dwell === page.told) return;
    page.told = dwell;
    track("page_leave", { item_id: page.item, dwell_seconds: dwell, scroll_depth: page.depth });
  };
  addEventListener(
    "scroll",
    () => {
      const room = document.documentElement.scrollHeight - innerHeight;
      const share = Math.round(Math.min(scrollY / room, 1) * 100) / 100;
      if (room > 0) page.depth = Math.max(page.depth || 0, share);
    },
    { passive: true },
  );

  const leave = () => {
    left();
    report();
    recall();
    const unreachable = Date.now() < silentUntil || !navigator.onLine;
    while (allowed() && fresh.length) {
      const batch = fresh.splice(0, MOST_IN_BATCH);
      if (unreachable || !navigator.sendBeacon(address, JSON.stringify({ events: batch }))) park(batch);
    }
  };
  addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", () => {
    if (visible()) page.since = performance.now();
    else leave();
    for (const element of [...clocks.keys()]) look(element);
  });
  addEventListener("online", () => {
    silentUntil = 0;
    flush();
  });

  // ---- what a page may call

  const tailorbird = {
    track,
    flush,
    search: (query, fields) => track("search", { query, ...fields }),
    cart: (item_id, fields) => track("cart_add", { item_id, ...fields }),
    view(item_id, fields) {
      if (page.item) left();
      begin(item_id);
      track("item_view", { item_id, ...fields });
    },
    purchase(fields) {
      recall();
      const { order_id } = fields;
      // A page of thanks that is loaded again is no second order.
      if (order_id && state.order === order_id) return;
      track("purchase", fields);
      state.order = order_id;
      keep();
    },
    identify(user) {
      recall();
      if (answers().analytics === false) return;
      // Who logs out leaves the device to whoever comes next.
      state = user ? { ...state, user: String(user), id: state.id || random() } : { consent: state.consent };
      keep();
      // What the last one answered on this device holds for the next one too.
      if (!user && state.consent) track("consent", { consent: state.consent });
      flush();
    },
    consent(said) {
      recall();
      const was = answers();
      const heard = {};
      for (const [name, yes] of Object.entries(said)) heard[purpose(name)] = yes && heard[purpose(name)] !== false;
      const now = { ...was, ...heard };
      const event = { type: "consent", at: Date.now(), event_id: random(), ...who(), consent: now };
      if (now.analytics === false) {
        fresh = [];
        held = [];
        sights = [];
        save(WAITING, was.analytics !== false && (state.id || state.user) ? [event] : null);
        save(STATE, waits ? null : { consent: now });
        if (waits) memory[STATE] = { consent: now };
        flush();
        return;
      }
      state.consent = now;
      keep();
      if (!allowed()) return;
      if (JSON.stringify(now) !== JSON.stringify(was)) track("consent", { consent: now });
      held.splice(0).forEach(put);
    },
    impressions(container, { decision_id, surface } = {}) {
      const list = typeof container === "string" ? document.querySelector(container) : container;
      if (!list) return warn(`there is no ${container} to watch.`);
      if (decision_id) list.dataset.tailorbirdDecision = decision_id;
      if (surface) list.dataset.tailorbirdSurface = surface;
      scan();
    },
    ids() {
      recall();
      return allowed() ? named() : {};
    },
    get dropped() {
      return recall().dropped || 0;
    },
  };

  begin();
  scan();
  window.tailorbird = tailorbird;
  for (const [name, ...given] of before || []) tailorbird[name]?.(...given);
  flush();
})();
