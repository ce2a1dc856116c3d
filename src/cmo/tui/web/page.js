"use strict";

// textual.js opens a tab for a download, which a browser may block: the page itself takes it, and stays.
const openTab = window.open;
window.open = (address, ...rest) => {
  if (!String(address ?? "").startsWith(`${location.origin}/download/`)) return openTab.call(window, address, ...rest);
  const link = document.createElement("a");
  link.href = address;
  link.download = "";
  link.click();
  return null;
};

// Keys belong to the screen from its first picture on, without a click.
new MutationObserver((_, observer) => {
  if (!document.body.classList.contains("-first-byte")) return;
  observer.disconnect();
  document.querySelector(".xterm-helper-textarea").focus();
}).observe(document.body, { attributeFilter: ["class"] });

// The terminal would take ctrl+v for a key of its own; left to the browser, it pastes.
window.addEventListener("keydown", (event) => {
  if (event.ctrlKey && !event.altKey && event.key.toLowerCase() === "v") event.stopImmediatePropagation();
}, true);

// What was copied elsewhere is text: with a control of a terminal in it, it could end the paste and press keys.
window.addEventListener("paste", (event) => {
  if (event.isTrusted === false) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const clean = new DataTransfer();
  clean.setData("text/plain", event.clipboardData.getData("text/plain").replace(/[^\P{Cc}\t\r\n]/gu, ""));
  event.target.dispatchEvent(new ClipboardEvent("paste", { clipboardData: clean, bubbles: true, cancelable: true }));
}, true);
