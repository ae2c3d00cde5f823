// Adds the browser in front of somebody to their contact methods. Without this file there is no such button.
"use strict";
(() => {
  const form = document.getElementById("device");
  const says = document.getElementById("device-says");
  const button = form.querySelector("button");
  const say = (word) => { says.textContent = says.dataset[word]; };

  if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) {
    say("unable");
    return;
  }
  button.disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    say("wait");
    try {
      if (await Notification.requestPermission() !== "granted") return say("denied");
      await navigator.serviceWorker.register("/push-worker.js");
      const worker = await navigator.serviceWorker.ready;
      form.elements.subscription.value = JSON.stringify(await subscribed(worker.pushManager));
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
