"use strict";
// Keeps the page live: an event of the server says that there is something new; the page is read again, and each part
// that differs takes the place of the old one. Without this script the page is the same until it is reloaded.
(() => {
  let source = null, later = null, reading = false, again = false;

  const say = (on, text) => {
    const dot = document.getElementById("live");
    if (dot.textContent !== text) dot.textContent = text;
    dot.classList.toggle("off", !on);
  };

  // Parts of main are told apart by their id; one that is the same stays as it is, and so does one in which somebody types.
  const replaced = (main, next) => {
    const known = new Map([...main.children].map((part) => [part.id, part]));
    let at = main.firstElementChild;
    for (const part of [...next.children]) {
      const old = known.get(part.id);
      known.delete(part.id);
      const typing = old && old.contains(document.activeElement) && document.activeElement.matches("input");
      const stays = old && (typing || old.isEqualNode(part));
      const now = stays ? old : document.adoptNode(part);
      if (old && !stays) {
        if (old === at) at = now;
        old.replaceWith(now);
      }
      if (now === at) at = at.nextElementSibling;
      else main.insertBefore(now, at);
    }
    for (const gone of known.values()) gone.remove();
  };

  const show = (fresh) => {
    const main = document.querySelector("main"), next = fresh.querySelector("main");
    if (!next) return;
    const focused = document.activeElement, address = focused && focused.getAttribute("href");
    replaced(main, next);
    if (address && !focused.isConnected) {
      const same = [...main.querySelectorAll("a")].find((link) => link.getAttribute("href") === address);
      if (same) same.focus({ preventScroll: true });
    }
    document.querySelector("#as-of time").replaceWith(document.adoptNode(fresh.querySelector("#as-of time")));
    const lead = main.querySelector(".lead"), told = document.getElementById("told");
    if (lead && told.dataset.last && told.dataset.last !== lead.textContent) told.textContent = lead.textContent;
    if (lead) told.dataset.last = lead.textContent;
    document.title = fresh.title;
  };

  const read = async () => {
    if (reading) { again = true; return; }
    reading = true;
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      show(new DOMParser().parseFromString(await answer.text(), "text/html"));
      say(true, "live");
    } catch {
      say(false, "the server of this page is away");
    } finally {
      reading = false;
      if (again) { again = false; read(); }
    }
  };

  const close = () => {
    clearTimeout(later);
    if (source) source.close();
    source = null;
  };

  const open = () => {
    if (source || document.hidden) return;
    const model = location.pathname.match(/^\/mdep\/[^/]+\/[^/]+/);
    source = new EventSource(model ? `${model[0]}/events` : "/events");
    source.addEventListener("ready", read);
    source.addEventListener("changed", read);
    source.addEventListener("error", () => {
      say(false, "the server of this page is away");
      if (source && source.readyState === EventSource.CLOSED) {
        close();
        later = setTimeout(open, 15000);
      }
    });
  };

  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
})();
