// Ctrl-K or `/` finds a page, an incident or a verb and does it; single keys go from place to place. All of it is links
// and forms that the pages have as well.
"use strict";
(() => {
  const dialog = document.getElementById("palette");
  const keys = document.getElementById("keys");
  const input = dialog.querySelector("input");
  const list = dialog.querySelector("ul");
  const count = dialog.querySelector("[role=status]");
  const words = { do: "Do", incident: "Open incident", page: "Page", part: "This incident" };
  const OFF = "tocsin_keys_off";
  let items = null;
  let finder = ""; // where the server looks for words, if it does
  let shown = [];
  let chosen = 0;
  let asked = 0;

  // ---- The palette ----

  const load = async () => {
    const answer = await fetch(`/palette?here=${encodeURIComponent(location.pathname)}`, { headers: { accept: "application/json" } });
    const found = answer.ok && !answer.redirected ? await answer.json() : { items: [], search: "" };
    items = found.items;
    finder = found.search;
    show();
  };
  const fits = (item, typed) => typed.toLowerCase().split(/\s+/).every((word) => `${item.title} ${item.hint || ""}`.toLowerCase().includes(word));
  const show = () => {
    shown = (items || []).filter((item) => fits(item, input.value.trim())).slice(0, 40);
    draw();
    search(input.value.trim());
  };
  const draw = () => {
    chosen = Math.max(0, Math.min(chosen, shown.length - 1));
    list.replaceChildren(...shown.map((item, place) => {
      const row = document.createElement("li");
      row.id = `palette-${place}`;
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", String(place === chosen));
      const title = document.createElement("span");
      title.textContent = item.title;
      const hint = document.createElement("span");
      hint.className = "small muted";
      hint.textContent = item.hint || words[item.kind] || item.kind;
      row.append(title, hint);
      row.addEventListener("click", () => go(item));
      return row;
    }));
    if (shown.length) input.setAttribute("aria-activedescendant", `palette-${chosen}`);
    else input.removeAttribute("aria-activedescendant");
    count.textContent = items === null ? "Loading" : shown.length ? `${shown.length} found` : "Nothing of that name";
    const row = list.children[chosen];
    if (row) row.scrollIntoView({ block: "nearest" });
  };
  // What the server finds in what was written comes after what is known by name.
  const search = async (typed) => {
    const mine = ++asked;
    if (typed.length < 3 || !finder) return;
    await new Promise((done) => setTimeout(done, 150));
    if (mine !== asked) return;
    try {
      const answer = await fetch(`${finder}?q=${encodeURIComponent(typed)}`, { headers: { accept: "application/json" } });
      const found = answer.ok ? (await answer.json()).items || [] : [];
      if (mine !== asked) return;
      const known = new Set(shown.map((item) => item.url));
      shown = [...shown, ...found.filter((item) => !known.has(item.url)).slice(0, 20).map((item) => ({ ...item, hint: item.kind.replace("_", "-") }))];
      draw();
    } catch { /* what is known by name stays */ }
  };
  const go = (item) => {
    if (!item) return;
    if (item.fields) return post(item);
    dialog.close();
    const to = new URL(item.url, location);
    if (to.pathname === location.pathname && write(to.searchParams.get("audience"))) return;
    if (to.pathname === location.pathname && to.hash && (!to.search || to.search === location.search)) return reveal(to.hash.slice(1));
    location.assign(to);
  };
  const post = (item) => {
    const form = document.createElement("form");
    form.method = "post";
    form.action = item.url;
    const token = document.querySelector("#theme input[name=_csrf_token]");
    for (const [name, value] of Object.entries({ ...item.fields, _csrf_token: token ? token.value : "" })) {
      const field = document.createElement("input");
      field.type = "hidden";
      field.name = name;
      field.value = value;
      form.append(field);
    }
    document.body.append(form);
    form.submit();
  };
  const open = () => {
    if (dialog.open) return;
    if (keys.open) keys.close();
    input.value = "";
    chosen = 0;
    shown = [];
    dialog.showModal();
    draw();
    load();
  };
  input.addEventListener("input", () => { chosen = 0; show(); });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      chosen = (chosen + step + shown.length) % Math.max(1, shown.length);
      draw();
    } else if (event.key === "Enter") {
      event.preventDefault();
      go(shown[chosen]);
    }
  });
  for (const one of document.querySelectorAll("[data-opens=palette]")) {
    one.hidden = false;
    one.addEventListener("click", open);
  }
  for (const one of document.querySelectorAll("[data-opens=keys]")) {
    one.hidden = false;
    one.addEventListener("click", () => keys.showModal());
  }
  for (const one of [dialog, keys]) one.addEventListener("click", (event) => { if (event.target === one) one.close(); });

  // ---- Single keys, outside of fields ----

  const reveal = (id) => {
    document.dispatchEvent(new Event("tocsin:unfold"));
    const place = document.getElementById(id);
    if (!place) return;
    for (let one = place.closest("details"); one; one = one.parentElement.closest("details")) one.open = true;
    place.scrollIntoView({ block: place.matches("input, textarea, select") ? "center" : "start" });
    const field = place.querySelector("input:not([type=hidden]):not([type=radio]), textarea, select, button");
    const into = field || place;
    if (into === place && place.tabIndex < 0) place.tabIndex = -1;
    into.focus({ preventScroll: true });
  };
  const write = (audience) => {
    const tab = document.querySelector(`#compose input[name=audience][value="${audience}"]`);
    if (!tab) return false;
    tab.checked = true;
    document.getElementById("compose").scrollIntoView({ block: "start" });
    const field = [...document.querySelectorAll("#compose textarea, #compose input:not([type=hidden]):not([type=radio])")].find((one) => one.offsetParent);
    if (field) field.focus({ preventScroll: true });
    return true;
  };
  // What leads to the composer of the room that one is in turns to the tab: nothing that was typed is lost by loading it anew.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href*='?audience=']");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || link.pathname !== location.pathname) return;
    if (write(new URLSearchParams(link.search).get("audience"))) event.preventDefault();
  });
  const update = () => {
    const first = [...document.querySelectorAll("#compose input[name=audience]")].find((one) => !["note", "decision"].includes(one.value));
    if (first) write(first.value);
  };
  // Ctrl-Enter sends what one writes, by the button that one sees below it.
  const send = (event) => {
    const form = event.target.matches("textarea, input") ? event.target.form : null;
    if (!form || form.method === "dialog") return;
    const place = event.target.closest("[data-for]") || form;
    const button = [...place.querySelectorAll("button:not([type=button])")].find((one) => one.offsetParent);
    if (!button) return;
    event.preventDefault();
    form.requestSubmit(button);
  };
  const acknowledge = () => {
    const waiting = [...document.querySelectorAll("#head, #heroes > article")].flatMap((one) => [...one.querySelectorAll("form[action$='/acknowledge'] button")]);
    const button = waiting.find((one) => one.closest("article")?.contains(document.activeElement)) || (waiting.length === 1 && waiting[0]);
    if (button) button.form.requestSubmit(button);
  };
  // j and k walk through the lists of a page: its incidents, signals, what is owed, the entries of a record.
  const ROWS = "#entries > li, .rows > li, .owed:not(.done) > li, .cards tbody > tr, #heroes > article";
  const walk = (step) => {
    const rows = [...document.querySelectorAll(ROWS)].filter((one) => one.offsetParent);
    const here = rows.findIndex((one) => one.contains(document.activeElement));
    const next = rows[Math.max(0, Math.min(rows.length - 1, here < 0 ? (step > 0 ? 0 : rows.length - 1) : here + step))];
    if (!next) return;
    const into = next.querySelector("a[href]") || next;
    if (into === next) next.tabIndex = -1;
    into.focus();
  };
  const places = { n: "/", i: "/incidents", o: "/oncall", s: "/status", p: "/plan", g: "/signals", d: "/declare" };
  const acts = {
    "/": open, "?": () => keys.showModal(), j: () => walk(1), k: () => walk(-1), a: acknowledge, u: update,
    n: () => write("note"), d: () => write("decision"), t: () => document.dispatchEvent(new Event("tocsin:zone")),
    ".": () => { const fresh = document.getElementById("fresh"); if (fresh && !fresh.hidden) fresh.click(); },
  };
  let going = 0;
  const off = keys.querySelector("input[type=checkbox]");
  off.checked = localStorage.getItem(OFF) === "yes";
  off.addEventListener("change", () => localStorage.setItem(OFF, off.checked ? "yes" : "no"));
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      return open();
    }
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter") return send(event);
    if (off.checked || event.ctrlKey || event.metaKey || event.altKey || dialog.open || keys.open) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (event.timeStamp < going && places[event.key]) return location.assign(places[event.key]);
    going = event.key === "g" ? event.timeStamp + 1500 : 0;
    const act = event.key === "g" ? null : acts[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  });
})();
