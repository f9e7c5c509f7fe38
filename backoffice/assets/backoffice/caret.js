"use strict";
// Who was led to a text of several lines types on at its end.
(() => {
  const field = document.getElementById(location.hash.slice(1));
  if (!(field instanceof HTMLTextAreaElement)) return;
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
  field.scrollTop = field.scrollHeight;
})();
