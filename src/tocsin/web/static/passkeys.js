// Makes a passkey, or signs in with one. It is the one thing here that no browser does without a script.
"use strict";
(() => {
  const form = document.getElementById("passkey");
  const says = document.getElementById("passkey-says");
  const button = form.querySelector("button");
  if (!("PublicKeyCredential" in window)) return;

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const withBytes = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  const made = async (asked) => {
    const user = { ...asked.user, id: bytes(asked.user.id) };
    const publicKey = { ...asked, user, challenge: bytes(asked.challenge), excludeCredentials: withBytes(asked.excludeCredentials) };
    const found = await navigator.credentials.create({ publicKey });
    return [found, { attestationObject: text(found.response.attestationObject) }];
  };
  const shown = async (asked) => {
    const publicKey = { ...asked, challenge: bytes(asked.challenge), allowCredentials: withBytes(asked.allowCredentials) };
    const found = await navigator.credentials.get({ publicKey });
    const { authenticatorData, signature, userHandle } = found.response;
    const whose = userHandle ? { userHandle: text(userHandle) } : {};
    return [found, { authenticatorData: text(authenticatorData), signature: text(signature), ...whose }];
  };

  form.hidden = false;
  button.disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    says.textContent = says.dataset.wait;
    try {
      const asked = JSON.parse(form.dataset.asked);
      const [found, proof] = await (form.dataset.do === "create" ? made(asked) : shown(asked));
      const response = { clientDataJSON: text(found.response.clientDataJSON), ...proof };
      form.elements[form.dataset.field || "answer"].value = JSON.stringify({ id: found.id, rawId: text(found.rawId), type: found.type, response });
      form.submit();
    } catch {
      says.textContent = says.dataset.denied;
      button.disabled = false;
    }
  });
})();
