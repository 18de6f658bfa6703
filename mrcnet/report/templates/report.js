"use strict";
(() => {
  const box = document.getElementById("tip");
  const show = (part, x, y) => {
    box.textContent = part.dataset.tip;
    box.hidden = false;
    box.style.left = Math.max(8, Math.min(x + 14, innerWidth - box.offsetWidth - 8)) + "px";
    box.style.top = (y + 18 + box.offsetHeight > innerHeight ? y - box.offsetHeight - 10 : y + 18) + "px";
  };
  const hide = () => { box.hidden = true; };
  document.addEventListener("pointermove", (event) => {
    const part = event.target.closest?.(".tip");
    if (part) show(part, event.clientX, event.clientY); else if (!document.activeElement?.matches?.(".tip")) hide();
  });
  document.addEventListener("focusin", (event) => {
    const part = event.target.closest?.(".tip");
    if (!part) return hide();
    const place = part.getBoundingClientRect();
    show(part, place.left + place.width / 2, place.bottom - 14);
  });
  document.addEventListener("focusout", hide);
  // The rows of the strip chart are one stop of the tab key; arrows walk them.
  const rows = [...document.querySelectorAll(".row")];
  if (rows.length) rows[0].tabIndex = 0;
  document.addEventListener("keydown", (event) => {
    const at = rows.indexOf(document.activeElement);
    if (event.key === "Escape") hide();
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (at < 0 || rows[to] === undefined) return;
    event.preventDefault();
    rows[at].tabIndex = -1;
    rows[to].tabIndex = 0;
    rows[to].focus();
  });
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
})();
