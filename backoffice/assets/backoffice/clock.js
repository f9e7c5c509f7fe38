"use strict";
// Every two seconds a visible page asks for new figures; a hidden one rests, and asks when it is looked at again.
(() => {
  const tick = () => {
    if (document.visibilityState === "visible") document.body.dispatchEvent(new CustomEvent("clock"));
  };
  setInterval(tick, 2000);
  document.addEventListener("visibilitychange", tick);
  document.body.addEventListener("htmx:afterRequest", (event) => {
    document.body.classList.toggle("answerless", event.detail.successful !== true);
  });
})();
