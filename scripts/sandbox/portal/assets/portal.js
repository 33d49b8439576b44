// What pages do on top of working without scripts: copying, counting down, bringing themselves up to date.
"use strict";

(() => {
  const words = document.body.dataset;

  const say = (text) => {
    const place = document.getElementById("said");
    place.textContent = "";
    setTimeout(() => { place.textContent = text; }, 50);
  };

  // <button data-copy="id of what is copied" hidden>
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

  // <span data-left="seconds that are left">: the sandbox's clock may differ from this machine's.
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

  // <section id="…" data-live="milliseconds">: the page is fetched again so often, and where the part with
  // this id differs there, it takes the place of this one; not while somebody is in it.
  const live = (id, pause) => {
    const next = () => setTimeout(refresh, pause);
    const refresh = async () => {
      const old = document.getElementById(id);
      if (document.hidden || !old || old.contains(document.activeElement)) return next();
      try {
        const answer = await fetch(location.href, { headers: { "Jeton-Live": "1" }, redirect: "error" });
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
        if (answer.ok && fresh && fresh.innerHTML !== (old.fetched ?? old.innerHTML)) {
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

  prepare(document);
  document.querySelectorAll("[data-left]").forEach(countDown);
  document.querySelectorAll("[data-live][id]").forEach((part) => live(part.id, Number(part.dataset.live)));
})();
