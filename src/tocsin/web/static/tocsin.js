// Everything works without this file. It lets the digits count, by the server's clock, and changes the theme in place.
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
  const tick = () => {
    for (const one of document.querySelectorAll("[data-since]")) write(one, span(now() - Date.parse(one.dataset.since)));
    for (const one of document.querySelectorAll("[data-due-at]")) {
      const left = Date.parse(one.dataset.dueAt) - now();
      if (one instanceof HTMLProgressElement) one.value = Math.max(0, left / 1000);
      else write(one, span(left));
    }
  };
  tick();
  setInterval(tick, 1000);

  for (const one of document.querySelectorAll("[data-submits]")) one.addEventListener("change", () => one.form.requestSubmit());

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
})();
