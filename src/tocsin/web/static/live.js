// Keeps an open page up to date: puts in place what the server says is different now. Without this file one loads again.
"use strict";
(() => {
  const root = document.documentElement;
  const watch = root.dataset.watch;
  if (!watch || !("EventSource" in window)) return;
  const word = document.getElementById("live");
  const stale = document.getElementById("stale");
  const HIDDEN_FOR = 5000; // milliseconds; a browser has few connections for all of its tabs
  const LONGEST_WAIT = 30000;
  const ANSWERS_WITHIN = 10000;
  const SILENT_FOR = 40000; // two signs of life were missed: a laptop slept, or a network went away without a word
  let stream = null;
  let since = Date.parse(root.dataset.now);
  let wait = 1000;
  let again = 0;
  let heard = 0;
  let isBehind = false; // the page was asked for anew in vain
  let isOver = false;

  // ---- Putting a part in place: only what differs is touched, so that focus, typed text and what is open stay ----

  const isTyped = (one) => one.matches("input, textarea, select") && (one === document.activeElement
    || ("defaultValue" in one && one.type !== "hidden" && one.value !== one.defaultValue));
  const same = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName && (one.id || "") === (other.id || "");

  const dress = (old, fresh) => {
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value && !(name === "open" && old.nodeName === "DETAILS")) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    }
  };
  const morph = (old, fresh) => {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    if (isTyped(old)) return;
    dress(old, fresh);
    let at = old.firstChild;
    for (const wanted of [...fresh.childNodes]) {
      let found = at;
      while (found && !same(found, wanted)) found = found.nextSibling;
      if (!found) {
        old.insertBefore(document.importNode(wanted, true), at);
        continue;
      }
      if (found !== at && wanted.id) old.insertBefore(found, at);
      else while (at !== found) { const gone = at; at = at.nextSibling; drop(gone); }
      morph(found, wanted);
      at = found.nextSibling;
    }
    while (at) { const gone = at; at = at.nextSibling; drop(gone); }
  };
  const drop = (one) => {
    if (!(one.contains && one.contains(document.activeElement))) one.remove();
  };

  // What comes is said too, to whoever listens: a new entry, an incident that is new or worse than all others.
  const came = [];
  const words = (one) => (one ? one.textContent : "").replace(/\s+/g, " ").trim();
  const called = (part, title) => `${words(part.querySelector(".sev"))} ${words(part.querySelector(title))}`.trim();
  const worst = () => { const link = document.querySelector(".bell .worst"); return link ? called(link, "b") : ""; };
  const listed = () => [...document.querySelectorAll("#heroes > article")].map((one) => called(one, "h2"));
  let worstBefore = worst();
  let listedBefore = listed();
  const speak = () => {
    const [most, all] = [worst(), listed()];
    if (most !== worstBefore) came.unshift(document.querySelector(".bell .worst .sev") ? `The worst is now ${most}` : most);
    came.push(...all.filter((one) => one !== most && !listedBefore.includes(one)).map((one) => `Open now: ${one}`));
    [worstBefore, listedBefore] = [most, all];
    const said = came.splice(0);
    if (said.length > 4) said.splice(3, said.length, `and ${said.length - 3} more`);
    if (said.length) document.dispatchEvent(new CustomEvent("tocsin:say", { detail: said.join("; ") }));
  };

  // A new entry of the timeline stands in its place by its number; it waits where somebody is reading further down.
  const entries = document.getElementById("entries");
  const fresh = document.getElementById("fresh");
  const number = (one) => Number(one.id.slice(1));
  const enter = (entry) => {
    if (!entries || "earlier" in entries.dataset) return;
    if (entries.dataset.kind && entries.dataset.kind !== entry.dataset.kind) return;
    const isRead = entries.getBoundingClientRect().top < 0;
    if (entry.dataset.kind !== "obligation") came.push(words(entry.querySelector("p"))); // what fell due says so by its row
    entry.classList.add("changed");
    if (isRead) entry.hidden = true;
    entries.insertBefore(entry, [...entries.children].find((one) => !one.id || number(one) < number(entry)) || null);
    const waiting = entries.querySelectorAll("li[hidden]").length;
    if (waiting) {
      fresh.textContent = waiting === 1 ? "1 new entry" : `${waiting} new entries`;
      fresh.hidden = false;
    }
  };
  if (fresh) fresh.addEventListener("click", () => {
    for (const one of entries.querySelectorAll("li[hidden]")) one.hidden = false;
    fresh.hidden = true;
    entries.scrollIntoView({ block: "start" });
  });

  // What is washed for a moment is the row that says something else now, wherever it stands. A clock that went on, or the
  // time that a look took, says nothing: nothing moves unless meaning does.
  const ROWS = "li, tr, p, dd, figcaption, h1, h2, h3, .hero > .row";
  const SPANS = /\d+(:\d\d)+|[\d.]+ (ms|s|min|h|d)\b( \d+)?( h\b)?| \(you\)/g;
  const CLOCKS = "svg, time, .vh, [data-since], [data-due-at], [hidden]";
  const told = (row) => {
    const words = [];
    const inside = document.createTreeWalker(row, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, (one) => {
      if (one.nodeType === Node.TEXT_NODE) return NodeFilter.FILTER_ACCEPT;
      return one.matches(CLOCKS) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_SKIP;
    });
    while (inside.nextNode()) words.push(inside.currentNode.nodeValue);
    return words.join("").replace(SPANS, "").replace(/\s+/g, " ").trim();
  };
  const rows = (part) => [part, ...part.querySelectorAll(ROWS)].filter((one) => one.matches(ROWS));
  const put = (name, part) => {
    const old = document.getElementById(name);
    if (old && "kept" in old.dataset) return;
    if (old) {
      const before = new Set(rows(old).map(told));
      morph(old, part);
      const news = rows(old).filter((row) => !before.has(told(row)));
      for (const row of news) if (!news.some((other) => other !== row && row.contains(other))) mark(row);
    } else if (/^e\d+$/.test(name)) enter(document.importNode(part, true));
  };
  const mark = (one) => {
    one.classList.add("changed");
    setTimeout(() => one.classList.remove("changed"), 1300);
  };
  const settle = () => {
    const token = document.querySelector("#theme input[name=_csrf_token]");
    if (token) for (const one of document.querySelectorAll("input[name=_csrf_token]")) if (!one.value) one.value = token.value;
    speak();
    document.dispatchEvent(new Event("tocsin:changed"));
  };
  const read = (html) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    for (const one of page.querySelectorAll("details > noscript")) one.replaceWith(...one.childNodes);
    return page;
  };

  // ---- The page again, for whoever missed something ----

  // A form may have answered with the page, at an address of its own that nobody can ask for.
  const HOMES = { now: "/", signals: "/signals", oncall: "/oncall" };
  const home = watch.startsWith("incident/") ? `/incidents/${watch.slice(9)}` : HOMES[watch] || location.pathname;
  const whole = location.pathname === home ? home + location.search : home;

  // An entry that this page of the record does not hold begins another page of it.
  const elsewhere = (hash) => {
    const [, at] = /^#e(\d+)$/.exec(hash) || [];
    const before = `?before=${Number(at) + 1}`;
    return entries && at && !document.getElementById(`e${at}`) && location.search !== before ? home + before + hash : "";
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#e']");
    const to = link && elsewhere(link.hash);
    if (!to) return;
    event.preventDefault();
    if ([...document.querySelectorAll("textarea, input")].some(isTyped)) window.open(to, "_blank", "noopener");
    else location.assign(to);
  });
  if (elsewhere(location.hash)) location.replace(elsewhere(location.hash));

  let fetching = null;
  const refresh = () => {
    fetching ??= again_().catch(behind).finally(() => { fetching = null; });
    return fetching;
  };
  const behind = () => {
    isBehind = true;
    retry();
  };
  const again_ = async () => {
    const answer = await fetch(whole, { headers: { accept: "text/html" } });
    if (answer.redirected && new URL(answer.url).pathname === "/signin") return over("session");
    if (answer.status >= 400 && answer.status < 500) return watch === "bell" ? undefined : over("gone"); // a form's answer has no address
    if (!answer.ok) return behind();
    const page = read(await answer.text());
    since = Date.parse(page.documentElement.dataset.now);
    const comments = page.createTreeWalker(page.body, NodeFilter.SHOW_COMMENT);
    while (comments.nextNode()) {
      const name = comments.currentNode.data;
      const part = name.startsWith("live ") && page.getElementById(name.slice(5));
      if (part) put(part.id, part);
    }
    settle();
    if (isBehind && stream) found();
    isBehind = false;
  };

  // ---- The stream ----

  const says = {
    session: "Your session is over. What you see is old; sign in again.",
    gone: "This page is not there for you any more.",
    many: "Too many pages are open to keep this one up to date. Load it again to see what is new.",
  };
  const lost = (text) => {
    word.hidden = true;
    stale.querySelector("[data-said]").textContent = text;
    stale.hidden = false;
    root.dataset.stale = "";
  };
  const found = () => {
    wait = 1000;
    word.hidden = watch === "bell"; // such a page is as old as it was loaded, but for the line on top
    stale.hidden = true;
    delete root.dataset.stale;
  };
  const over = (why) => {
    isOver = true;
    leave();
    lost(says[why] || says.gone);
  };
  const leave = () => {
    clearTimeout(again);
    if (stream) stream.close();
    stream = null;
  };
  const lostAt = () => new Date(heard || Date.now()).toLocaleTimeString("en-GB", { timeZone: "UTC" });
  const retry = () => {
    leave();
    if (isOver) return;
    if (stale.hidden) lost(`Not live since ${lostAt()} UTC. The digits go on; the rest may be old. It is tried again.`);
    again = setTimeout(join, wait * (0.5 + Math.random()));
    wait = Math.min(wait * 2, LONGEST_WAIT);
  };
  const isHidden = () => document.visibilityState === "hidden";

  const join = () => {
    leave();
    if (isOver || isHidden()) return;
    const one = stream = new EventSource(`/live?watch=${encodeURIComponent(watch)}&since=${since}`);
    const began = Date.now();
    const on = (name, act) => one.addEventListener(name, (event) => {
      if (one !== stream) return;
      if (name !== "error") heard = Date.now();
      act(event);
    });
    on("open", () => { if (isBehind) refresh(); else found(); });
    on("alive", () => {});
    on("changed", (event) => {
      since = Math.max(since, Number(event.lastEventId) || 0);
      const parts = JSON.parse(event.data);
      let isOwn = false; // what each reader has another of is drawn for everybody only to tell that it changed
      for (const name of Object.keys(parts)) {
        const part = read(parts[name]).body.firstElementChild || null;
        if (part && "own" in part.dataset) isOwn = true;
        else if (part) put(name, part);
      }
      settle();
      if (isOwn) refresh();
    });
    on("missed", refresh);
    on("end", (event) => over(event.data));
    on("error", retry);
    const most = () => (one.readyState === EventSource.OPEN ? SILENT_FOR : ANSWERS_WITHIN);
    one.isSilent = () => Date.now() - Math.max(heard, began) > most();
  };
  setInterval(() => {
    if (!stream || !stream.isSilent()) return;
    if (stream.readyState === EventSource.OPEN) join();
    else retry();
  }, 5000);

  // A tab that nobody looks at has no stream, also if it was opened so: a browser has six connections for all of them.
  let hiding = 0;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (isHidden()) hiding = setTimeout(leave, HIDDEN_FOR);
    else if (!stream) join();
  });
  window.addEventListener("pagehide", leave);
  window.addEventListener("pageshow", (event) => { if (event.persisted) join(); });
  stale.querySelector("button").addEventListener("click", () => location.reload());
  join();
})();
