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

const shown = (about, said = about.text) => self.registration.showNotification(about.title, {
  body: said,
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

// The address of the page proves by itself whose answer it is. An answer that did not get through leaves the page and its
// buttons where they were; one that was refused leads to where it says why.
const acknowledge = async (about) => {
  const headers = { accept: "application/json" };
  const answer = await fetch(about.answer, { method: "POST", credentials: "omit", headers }).catch(() => null);
  if (!answer || answer.status >= 500) {
    const why = answer ? "The server could not take your answer." : "There is no connection.";
    return shown(about, `NOT ANSWERED. ${why} Try again.\n${about.text}`);
  }
  if (!answer.ok) return self.clients.openWindow(about.link);
  const { said } = await answer.json().catch(() => ({}));
  return shown({ ...about, answer: "", stays: false }, said || "Answered.");
};

// A browser may take another subscription in place of the one that was added. Whoever is signed in here is pushed to at the
// new one from then on: the server changes nobody else's. Where nobody is, the next push to the old one comes back, and its
// owner is told.
const DEVICE = "tocsin-device";
const follow = async ({ oldSubscription, newSubscription }) => {
  const kept = await caches.open(DEVICE);
  const known = await kept.match("/me/devices");
  const before = oldSubscription ? oldSubscription.endpoint : known && await known.text();
  const page = await (await fetch("/me")).text();
  const [, token] = /name="_csrf_token" value="([^"]+)"/.exec(page) || [];
  const [, applicationServerKey] = /data-key="([^"]+)"/.exec(page) || [];
  if (!before || !token || !applicationServerKey) return;
  const own = newSubscription
    || await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
  const said = { _csrf_token: token, before, subscription: JSON.stringify(own) };
  const answer = await fetch("/me/devices/renewed", { method: "POST", body: new URLSearchParams(said) });
  if (answer.ok) await kept.put("/me/devices", new Response(own.endpoint));
};
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(follow(event).catch(() => {})));

self.addEventListener("notificationclick", (event) => {
  const about = event.notification.data;
  event.notification.close();
  const wanted = event.action === "acknowledge" && about.answer;
  event.waitUntil(wanted ? acknowledge(about) : self.clients.openWindow(about.link || "/"));
});
