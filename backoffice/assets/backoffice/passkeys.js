"use strict";
// A form that asks the browser for a passkey first: makes one, or lets one sign, and is sent with the answer.
(() => {
  const said = {
    NotAllowedError: "Nothing was shown: it was cancelled, or took too long.",
    InvalidStateError: "This device or stick holds a passkey of yours already.",
    SecurityError: "Passkeys do not work at this address.",
  };
  const ask = {
    create: (asked) => navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked) }),
    get: (asked) => navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked) }),
  };
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const button = form.querySelector("button");
    const line = form.querySelector("[data-said]");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      button.disabled = true;
      line.textContent = "";
      try {
        if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) throw new Error("old");
        const made = await ask[form.dataset.passkey](JSON.parse(form.dataset.options));
        form.elements.answer.value = JSON.stringify(made.toJSON());
        form.submit();
      } catch (fault) {
        line.textContent = said[fault.name] ?? "This browser cannot use passkeys. A newer one can.";
        button.disabled = false;
      }
    });
  }
  // A page that comes back from the browser's memory may be sent again.
  window.addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("form[data-passkey] button")) button.disabled = false;
  });
})();
