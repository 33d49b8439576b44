// Pages work without this script. It adds copy buttons, countdowns, and pages that refresh themselves.
"use strict";

(() => {
  const words = document.body.dataset;

  const say = (text) => {
    const place = document.getElementById("said");
    place.textContent = "";
    setTimeout(() => { place.textContent = text; }, 50);
  };

  // <button data-copy="id of the element to copy" hidden>
  const copy = async (button) => {
    const source = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText("value" in source ? source.value : source.textContent);
    say(words.copied);
    const before = button.textContent;
    button.textContent = words.copied;
    setTimeout(() => { button.textContent = before; }, 2000);
  };

  const prepare = (root) => {
    if (navigator.clipboard) {
      for (const button of root.querySelectorAll("button[data-copy][hidden]")) {
        button.hidden = false;
        button.addEventListener("click", () => copy(button));
      }
    }
    for (const field of root.querySelectorAll("input[readonly]")) {
      field.addEventListener("focus", () => field.select());
    }
  };

  // <span data-left="remaining seconds">: not a time, because the sandbox's clock may differ from this machine's.
  const two = (number) => String(number).padStart(2, "0");
  const countDown = (element) => {
    const end = performance.now() + 1000 * Number(element.dataset.left);
    const show = () => {
      const left = Math.max(0, Math.round((end - performance.now()) / 1000));
      element.textContent = left === 0 ? words.expired
        : `${two(Math.floor(left / 3600))}:${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
      if (left === 0) clearInterval(timer);
    };
    const timer = setInterval(show, 1000);
    show();
  };

  // <section id="…" data-live="milliseconds">: fetches the page at this interval and replaces the section if it
  // has changed, but not while the focus is in it.
  const live = (id, pause) => {
    const next = () => setTimeout(refresh, pause);
    const refresh = async () => {
      const old = document.getElementById(id);
      const byParts = old && "parts" in old.dataset;
      if (document.hidden || !old || (!byParts && old.contains(document.activeElement))) return next();
      try {
        const answer = await fetch(location.href, { headers: { "Jeton-Live": "1" }, redirect: "error" });
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
        if (answer.ok && fresh && byParts) {
          merge(old, fresh);
        } else if (answer.ok && fresh && fresh.innerHTML !== (old.fetched ?? old.innerHTML)) {
          fresh.fetched = fresh.innerHTML;
          old.replaceWith(fresh);
          prepare(fresh);
          if (fresh.dataset.said) say(fresh.dataset.said);
        }
      } catch { /* the sandbox may be away for a moment */ }
      return next();
    };
    next();
  };

  // In a section with data-parts, children with an id are replaced one by one, so that new ones appear while
  // somebody types in another.
  const written = (field) => (field.type === "checkbox" || field.type === "radio"
    ? field.checked !== field.defaultChecked
    : field.options ? [...field.options].some((option) => option.selected !== option.defaultSelected)
      : field.type !== "hidden" && field.value !== field.defaultValue);
  const inUse = (part) => part.contains(document.activeElement)
    || [...part.querySelectorAll("input, textarea, select")].some(written);
  const stateOf = (part) => part.fetched ?? part.outerHTML;

  const replacePart = (old, fresh) => {
    fresh.fetched = fresh.outerHTML;
    const open = [...old.querySelectorAll("details")].map((details) => details.open);
    old.replaceWith(fresh);
    fresh.querySelectorAll("details").forEach((details, i) => { details.open = open[i] ?? details.open; });
    prepare(fresh);
  };

  const merge = (old, fresh) => {
    const kept = new Map([...old.children].map((part) => [part.id, part]));
    let last = null;
    let added = false;
    for (const part of [...fresh.children]) {
      const present = kept.get(part.id);
      kept.delete(part.id);
      if (!present) {
        part.fetched = part.outerHTML;
        if (last) last.after(part); else old.prepend(part);
        prepare(part);
        added = true;
      } else if (stateOf(present) !== part.outerHTML && !inUse(present)) {
        replacePart(present, part);
      }
      last = document.getElementById(part.id);
    }
    for (const part of kept.values()) if (!inUse(part)) part.remove();
    if (added && fresh.dataset.said) say(fresh.dataset.said);
  };

  // A page restored from the browser's cache could show a secret, or data of a user who has signed out.
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  // On a narrow screen the menu and the tabs are scrolled: to where one is.
  for (const item of document.querySelectorAll("nav [aria-current]")) {
    const list = item.closest("ul");
    list.scrollLeft = item.offsetLeft - (list.clientWidth - item.offsetWidth) / 2;
  }

  prepare(document);
  for (const part of document.querySelectorAll("[data-parts] > [id]")) part.fetched = part.outerHTML;
  document.querySelectorAll("[data-left]").forEach(countDown);
  document.querySelectorAll("[data-live][id]").forEach((part) => live(part.id, Number(part.dataset.live)));
})();
