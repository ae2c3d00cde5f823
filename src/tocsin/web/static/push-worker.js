// Shows a push as a notification, and answers the page that it brings. It keeps one page, for when there is no network;
// of what people write and read nothing stays on the device.
"use strict";
const KEPT = "tocsin-offline";
const OFFLINE = "/offline";
const keep = async () => {
  const page = await fetch(OFFLINE, { credentials: "omit" });
  const text = await page.clone().text();
  const needs = [...text.matchAll(/(?:href|src)="(\/static\/[^"]+)"/g)].map((found) => found[1]);
  const kept = await caches.open(KEPT);
  for (const old of await kept.keys()) await kept.delete(old);
  await kept.put(OFFLINE, page);
  await kept.addAll(needs);
};
self.addEventListener("install", (event) => event.waitUntil(keep().catch(() => {}).then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.mode === "navigate" && request.method === "GET") {
    event.respondWith(fetch(request).catch(async () => (await caches.match(OFFLINE)) || Response.error()));
  } else if (new URL(request.url).pathname.startsWith("/static/")) {
    event.respondWith(fetch(request).catch(async () => (await caches.match(request)) || Response.error()));
  }
});

const shown = (about) => self.registration.showNotification(about.title, {
  body: about.text,
  tag: about.tag,
  icon: "/static/icon-192.png",
  requireInteraction: about.stays,
  data: about,
  actions: about.answer
    ? [{ action: "acknowledge", title: about.button }, { action: "open", title: "Open" }]
    : [],
});

self.addEventListener("push", (event) => {
  // Each push must show something, or the browser ends the subscription.
  let about = {
    title: "Tocsin", text: "Something wants your attention.", link: "/", answer: "", button: "", stays: false, tag: "",
  };
  try {
    about = { ...about, ...event.data.json() };
  } catch {
    // What can't be read is shown as that.
  }
  event.waitUntil(shown(about));
});

// The address of the page proves by itself whose answer it is.
const acknowledge = async (about) => {
  try {
    const answer = await fetch(about.answer, { method: "POST", credentials: "omit" });
    if (!answer.ok) throw new Error(String(answer.status));
  } catch {
    return self.clients.openWindow(about.link);
  }
  return shown({ ...about, title: `Answered: ${about.title}`, answer: "", stays: false });
};

self.addEventListener("notificationclick", (event) => {
  const about = event.notification.data;
  event.notification.close();
  const wanted = event.action === "acknowledge" && about.answer;
  event.waitUntil(wanted ? acknowledge(about) : self.clients.openWindow(about.link || "/"));
});
