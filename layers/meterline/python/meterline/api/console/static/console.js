// What the console does in the browser: it copies, shows where a slider stands, looks again
// while work goes on, and puts further rows below a list. Every page works without it.
"use strict";

function copies(button) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copy).textContent;
    await navigator.clipboard.writeText(text);
    const before = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = before; }, 1500);
  });
}

function slides(slider) {
  const shown = document.getElementById(slider.dataset.shows);
  const from = Number(slider.dataset.from);
  const step = Number(slider.dataset.seconds);
  const tell = () => {
    const moment = new Date((from + Number(slider.value) * step) * 1000);
    const text = moment.toISOString().slice(0, 16).replace("T", " ");
    shown.textContent = text + " UTC";
    slider.setAttribute("aria-valuetext", text);
  };
  slider.addEventListener("input", tell);
  tell();
}

async function looksAgain(part) {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById(part.id);
  if (!fresh) { location.reload(); return; }
  part.replaceWith(fresh);
  begin(fresh);
}

function waits(part) {
  setTimeout(() => looksAgain(part), Number(part.dataset.again) * 1000);
}

function goesOn(form) {
  setTimeout(() => form.requestSubmit(), 500);
}

function models(form) {
  const name = form.dataset.models;
  const tell = () => {
    const chosen = form.querySelector(`input[name=${name}]:checked`).value;
    for (const part of form.querySelectorAll("[data-for]")) {
      part.hidden = !part.dataset.for.split(" ").includes(chosen);
    }
  };
  form.addEventListener("change", tell);
  tell();
}

function grows(pager) {
  // Further rows come below those that are there, for who scrolls rather than turns pages.
  const next = pager.querySelector("[rel=next]");
  const rows = pager.closest(".panel").querySelector("tbody");
  if (!next || !rows) return;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "More below";
  next.before(button);
  button.addEventListener("click", async () => {
    button.disabled = true;
    const answer = await fetch(next.href, { headers: { accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector(".pager[data-grows]");
    const further = fresh && fresh.closest(".panel").querySelector("tbody");
    if (!further) { location.assign(next.href); return; }
    rows.append(...further.children);
    const back = pager.querySelector("[rel=prev]"), freshBack = fresh.querySelector("[rel=prev]");
    if (freshBack) freshBack.replaceWith(...(back ? [back] : []));
    fresh.querySelector("[data-first]").replaceWith(pager.querySelector("[data-first]"));
    pager.replaceWith(fresh);
    begin(fresh);
  });
}

function showsWhere(entry) {
  // On a small screen the rail scrolls: the page that is open is to be seen in it.
  entry.closest(".rail").scrollLeft = entry.offsetLeft - 16;
}

function begin(root) {
  const each = (selector, act) => {
    if (root.matches && root.matches(selector)) act(root);
    root.querySelectorAll(selector).forEach(act);
  };
  each("[data-copy]", copies);
  each("[data-shows]", slides);
  each("[data-again]", waits);
  each("form[data-goes-on]", goesOn);
  each("form[data-models]", models);
  each(".pager[data-grows]", grows);
  each(".rail [aria-current]", showsWhere);
}

begin(document.documentElement);
