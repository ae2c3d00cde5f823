// Adds the browser in front of somebody to their contact methods. Without this file there is no such button.
"use strict";
(() => {
  const form = document.getElementById("device");
  const says = document.getElementById("device-says");
  const button = form.querySelector("button");
  const say = (word) => { says.textContent = says.dataset[word]; };

  if (!isSecureContext) {
    say("insecure");
    return;
  }
  if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) {
    say("unable");
    return;
  }
  const KEPT = "tocsin-device"; // the worker looks there for the subscription that the server knows
  const keep = async (endpoint) => (await caches.open(KEPT)).put("/me/devices", new Response(endpoint));
  const hash = async (text) => {
    const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
    return [...bytes].map((one) => one.toString(16).padStart(2, "0")).join("");
  };
  // Which of the devices on the page is this one.
  const look = async () => {
    const worker = await navigator.serviceWorker.getRegistration();
    const own = worker && await worker.pushManager.getSubscription();
    const row = own && document.querySelector(`[data-device="${await hash(own.endpoint)}"]`);
    if (!row) return;
    row.querySelector("[data-here]").hidden = false;
    await keep(own.endpoint);
    if (Notification.permission !== "granted") return;
    button.disabled = true;
    say("here");
  };
  button.disabled = false;
  if (Notification.permission === "denied") say("denied");
  look().catch(() => {});
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    say("wait");
    try {
      const answer = await Notification.requestPermission();
      if (answer !== "granted") return say(answer === "denied" ? "denied" : "later");
      await navigator.serviceWorker.register("/push-worker.js");
      const worker = await navigator.serviceWorker.ready;
      const own = await subscribed(worker.pushManager);
      await keep(own.endpoint);
      form.elements.subscription.value = JSON.stringify(own);
      form.submit();
    } catch {
      say("failed");
    } finally {
      button.disabled = false;
    }
  });

  // A subscription for another key, from before the server lost its own, is good for nothing.
  const subscribed = async (manager) => {
    const options = { userVisibleOnly: true, applicationServerKey: form.dataset.key };
    try {
      return await manager.subscribe(options);
    } catch (error) {
      const old = await manager.getSubscription();
      if (!old) throw error;
      await old.unsubscribe();
      return manager.subscribe(options);
    }
  };
})();
