// Everything works where scripts are off. This lets the digits count, by the server's clock, changes the theme in place, and unfolds.
"use strict";
(() => {
  const root = document.documentElement;
  const ahead = root.dataset.now ? Date.now() - Date.parse(root.dataset.now) : 0;
  const now = () => Date.now() - ahead;

  const two = (n) => String(n).padStart(2, "0");
  const span = (ms) => {
    const s = Math.floor(Math.abs(ms) / 1000);
    if (s < 3600) return `${Math.floor(s / 60)}:${two(s % 60)}`;
    if (s < 86400) return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))}`;
    return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
  };
  const write = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };
  // An obligation turns due, and then overdue, by itself: in colour, in its mark, and in words that are spoken.
  const say = document.getElementById("say");
  const turned = []; // what turns within one second is said in one go: the next words would take the place of the last
  const speak = () => { if (say && turned.length) say.textContent = turned.splice(0).join("; "); };
  document.addEventListener("tocsin:say", (event) => turned.push(event.detail));
  const NAMES = { open: "Open", due: "Due soon", overdue: "Overdue" };
  const turn = (row, left, whole) => {
    const state = left < 0 ? "overdue" : left <= Math.min(300, whole / 5) * 1000 ? "due" : "open";
    if (row.dataset.state === state || !(row.dataset.state in NAMES)) return;
    row.dataset.state = state;
    const mark = row.querySelector(".mark");
    mark.dataset.state = state;
    mark.firstElementChild.textContent = NAMES[state];
    row.querySelector(".left small").textContent = state === "overdue" ? "overdue " : "";
    row.querySelector(".act").firstChild.nodeValue = state === "overdue" ? "was " : "by ";
    turned.push(`${NAMES[state]}: ${row.querySelector(".what").textContent}`);
  };
  // The tab says what is worst and when the next thing is due, for as long as it is open.
  const tail = document.querySelector(".bell .sev") ? document.title.replace(/^.*? · /, "") : document.title;
  const entitle = () => {
    const worst = document.querySelector(".bell .sev");
    const next = document.querySelector(".bell .next [data-due-at]");
    const left = next ? Date.parse(next.dataset.dueAt) - now() : 0;
    const of = document.querySelector(".bell .next .of")?.textContent ?? "";
    const due = next ? `, ${of}${of && " "}${left < 0 ? "overdue" : "next due in"} ${span(Math.floor(Math.abs(left) / 15000) * 15000)}` : "";
    const said = worst ? `${worst.firstChild.nodeValue}${due} · ${tail}` : tail;
    if (document.title !== said) document.title = said;
  };
  const tick = () => {
    entitle();
    for (const one of document.querySelectorAll("[data-since]")) write(one, span(now() - Date.parse(one.dataset.since)));
    for (const one of document.querySelectorAll("[data-due-at]")) {
      const left = Date.parse(one.dataset.dueAt) - now();
      if (one instanceof HTMLProgressElement) {
        one.value = Math.max(0, left / 1000);
        turn(one.parentElement, left, one.max);
      } else write(one, span(left));
    }
    speak();
    const clock = document.querySelector("[data-clock]");
    if (clock) {
      const at = new Date(now());
      clock.setAttribute("datetime", at.toISOString());
      clock.dataset.utc = at.toISOString().slice(11, 19);
      zoned(clock);
    }
  };

  // ---- Times in UTC, or in the zone of whoever reads ----

  const zone = root.dataset.zone && root.dataset.zone !== "UTC" ? root.dataset.zone : Intl.DateTimeFormat().resolvedOptions().timeZone;
  const ZONE = "tocsin_zone";
  let isLocal = localStorage.getItem(ZONE) === "local" && zone !== "UTC";
  const forms = new Map(); // making one takes longer than using it a hundred times
  const dayOf = zone ? new Intl.DateTimeFormat("en-GB", { dateStyle: "short", timeZone: zone }) : null;
  // Where it is another day than here, a time of today in UTC may be one of yesterday.
  // Where clocks are put back, a time that is shown twice says which of the two it is.
  const whole = zone ? new Intl.DateTimeFormat("en-GB", { dateStyle: "short", timeStyle: "short", timeZone: zone }) : null;
  const AROUND = [30, 60, 120].flatMap((minutes) => [minutes * 60000, minutes * -60000]);
  const isTwice = (at) => AROUND.some((by) => whole.format(new Date(at.getTime() + by)) === whole.format(at));
  const form = (text, at) => {
    const [seconds, day] = [/:\d\d:/.test(text), /[A-Z]/.test(text) || dayOf.format(at) !== dayOf.format(now())];
    const twice = isTwice(at);
    const key = `${seconds} ${day} ${twice}`;
    if (!forms.has(key)) forms.set(key, new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23",
      timeZone: zone, ...(twice && { timeZoneName: "shortOffset" }), ...(seconds && { second: "2-digit" }), ...(day && { weekday: "short", day: "numeric", month: "short" }) }));
    return forms.get(key);
  };
  const zoned = (one) => {
    one.dataset.utc ??= one.textContent;
    if (zone === "UTC") return write(one, one.dataset.utc);
    const at = new Date(one.dateTime);
    const local = form(one.dataset.utc, at).format(at);
    one.classList.toggle("local", isLocal && !one.hasAttribute("data-clock"));
    one.title = `${one.dataset.utc} UTC, ${local} ${zone}`;
    write(one, isLocal ? local : one.dataset.utc);
  };
  const toggle = document.getElementById("zone-switch");
  const zones = () => {
    for (const one of document.querySelectorAll("time[datetime]")) {
      if (!one.hasAttribute("data-clock") && one.dataset.of !== one.dateTime) { delete one.dataset.utc; one.dataset.of = one.dateTime; }
      zoned(one);
    }
    const said = document.querySelector("[data-zoned]");
    if (said) write(said, isLocal ? `Dotted times are on the clock of ${zone}; all others are UTC.` : "All times UTC.");
    const word = document.querySelector("[data-zone-word]");
    if (word) write(word, isLocal ? zone.split("/").pop().replaceAll("_", " ") : "UTC");
    if (toggle) {
      toggle.hidden = zone === "UTC";
      write(toggle, isLocal ? "Show UTC" : `Show ${zone}`);
    }
  };
  const other = () => {
    if (zone === "UTC") return;
    isLocal = !isLocal;
    localStorage.setItem(ZONE, isLocal ? "local" : "UTC");
    zones();
  };
  if (toggle) toggle.addEventListener("click", other);
  document.addEventListener("tocsin:zone", other);

  // ---- What is drawn for everybody, made each reader's own ----

  const own = () => {
    const me = root.dataset.me;
    for (const one of document.querySelectorAll("[data-person]")) {
      const isMe = me && one.dataset.person === me;
      if (isMe && !one.textContent.endsWith(" (you)")) one.textContent += " (you)";
    }
    for (const one of document.querySelectorAll("[data-unless]")) one.hidden = Boolean(me) && one.dataset.unless === me;
    for (const one of document.querySelectorAll("[data-people]")) if (me && one.dataset.people.split(" ").includes(me)) one.classList.add("you");
  };

  // ---- What is folded comes as text, and is made a part of the page when nothing else is to be done ----

  const unfold = (one) => {
    const made = document.createElement("template");
    made.innerHTML = one.textContent;
    one.replaceWith(made.content);
  };
  const folded = () => document.querySelectorAll("details > noscript");
  const LATEST = 500; // milliseconds: a page that is never idle is made whole all the same
  const whenIdle = (act) => (window.requestIdleCallback ? requestIdleCallback(act, { timeout: LATEST }) : setTimeout(act, 50));
  const unfoldOne = () => {
    const [one] = folded();
    if (!one) return document.dispatchEvent(new Event("tocsin:changed"));
    unfold(one);
    whenIdle(unfoldOne);
  };
  const unfoldAll = () => folded().forEach(unfold);
  document.addEventListener("click", (event) => { if (event.target.closest("summary")) unfoldAll(); }, true);
  document.addEventListener("tocsin:unfold", unfoldAll);
  window.addEventListener("beforeprint", unfoldAll);

  // A link may lead into what is folded, or to it: it opens.
  const arrive = () => {
    const id = location.hash.slice(1);
    if (id && !document.getElementById(id)) unfoldAll();
    const place = id && document.getElementById(id);
    if (!place || !place.closest("details:not([open])")) return;
    for (let one = place.closest("details"); one; one = one.parentElement.closest("details")) one.open = true;
    place.scrollIntoView();
  };
  arrive();
  window.addEventListener("hashchange", arrive);

  zones();
  tick();
  setInterval(tick, 1000);
  if (folded().length) whenIdle(unfoldOne);
  document.addEventListener("tocsin:changed", () => { own(); zones(); tick(); });

  for (const one of document.querySelectorAll("[data-submits]")) one.addEventListener("change", () => one.form.requestSubmit());

  // What sounds like the title that is being typed may be the same.
  const alike = document.querySelector("[data-alike]");
  const title = document.getElementById("title");
  if (alike && title) {
    let typing = 0;
    title.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(async () => {
        const answer = await fetch(`${alike.dataset.alike}?title=${encodeURIComponent(title.value)}`);
        if (!answer.ok || answer.redirected) return;
        const found = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (found.body.textContent.trim() !== alike.textContent.trim()) alike.replaceChildren(...found.body.childNodes);
      }, 250);
    });
  }

  const theme = document.getElementById("theme");
  if (theme) {
    theme.addEventListener("submit", (event) => {
      event.preventDefault();
      const chosen = event.submitter ? event.submitter.value : "";
      if (chosen) root.dataset.theme = chosen;
      else delete root.dataset.theme;
      for (const button of theme.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.value === chosen));
      fetch(theme.action, { method: "POST", body: new URLSearchParams(new FormData(theme, event.submitter)), redirect: "manual" });
    });
  }

  // The worker shows a page of its own where there is no network, and pushes where somebody has asked for them.
  if ("serviceWorker" in navigator && root.dataset.me) navigator.serviceWorker.register("/push-worker.js").catch(() => {});
})();
