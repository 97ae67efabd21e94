// What pages do beyond plain links and forms: live signals, dialogs, copying, times that go on, menus.
// Every page works without this file. Nothing here knows what a container is.

// ---- Signals: one stream a page; each kind of signal is passed on at once, then at most every CALM ms, the last never lost.

const CALM = 300;

function calm(listener) {
  let timer = null;
  let waiting = null;
  const later = () => {
    timer = null;
    if (waiting === null) return;
    const event = waiting;
    waiting = null;
    timer = setTimeout(later, CALM);
    listener(event);
  };
  return (event) => {
    if (timer !== null) {
      waiting = event;
      return;
    }
    timer = setTimeout(later, CALM);
    listener(event);
  };
}

class CalmEventSource extends EventSource {
  #calmed = new Map();

  addEventListener(name, listener, options) {
    if (!this.#calmed.has(listener)) this.#calmed.set(listener, name === "log" ? listener : calm(listener));
    super.addEventListener(name, this.#calmed.get(listener), options);
  }

  removeEventListener(name, listener, options) {
    super.removeEventListener(name, this.#calmed.get(listener) ?? listener, options);
    this.#calmed.delete(listener);
  }
}

htmx.createEventSource = (url) => {
  const source = new CalmEventSource(url, { withCredentials: true });
  // The server's first word: from here on nothing is missed, so whatever was missed before is fetched now.
  source.addEventListener("connected", () => document.dispatchEvent(new CustomEvent("signals:connected", { detail: source })));
  return source;
};

// At the first connection too: between the making of a page and its stream, a change may have been announced to nobody.
document.addEventListener("signals:connected", () => {
  offline("");
  for (const element of document.querySelectorAll("[hx-trigger*='sse:']")) {
    htmx.trigger(element, element.getAttribute("hx-trigger").match(/sse:[\w-]+/)[0]);
  }
});

document.addEventListener("htmx:sseError", () => offline("The connection is lost. What you see may be old; it is tried again."));
document.addEventListener("htmx:sendError", () => offline("Freezeframe does not answer. What you see may be old; it is tried again."));
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status >= 500) offline(`Freezeframe answered with an error (${event.detail.xhr.status}). Reload to try again.`);
});

function offline(words) {
  const note = document.getElementById("offline");
  if (!note || note.textContent === words) return;
  note.textContent = words;
  note.hidden = !words;
}

// ---- Fragments: what was open stays open, what ended is said once.

let opened = [];
let pressed = null;
const waiting = new Map();

// A fragment that would take away what is being pressed comes when it is let go: else the press were lost.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, elt, xhr, shouldSwap } = event.detail;
  if (shouldSwap && pressed?.isConnected && elt.matches("[hx-trigger*='sse:']") && target.contains(pressed)) {
    event.detail.shouldSwap = false;
    waiting.set(elt, () => htmx.swap(target, xhr.responseText, { swapStyle: "innerHTML", swapDelay: 0, settleDelay: 0 }));
  }
  remember();
});

function remember() {
  opened = [...document.querySelectorAll("details[id][open]")].map((details) => details.id);
}

document.addEventListener("pointerdown", (event) => { pressed = event.target; }, true);
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, letGo, true);

function letGo() {
  pressed = null;
  // The click comes after the pointer's event.
  setTimeout(() => {
    remember();
    for (const [elt, swap] of waiting) if (elt.isConnected) swap();
    waiting.clear();
  });
}

document.addEventListener("htmx:afterSettle", () => {
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  tick();
  announce();
});

let announced = document.querySelector("[data-outcome]")?.dataset.outcome;

function announce() {
  const outcome = document.querySelector("[data-outcome]");
  if (!outcome || outcome.dataset.outcome === announced) return;
  announced = outcome.dataset.outcome;
  document.getElementById("announcement").textContent = outcome.textContent.trim();
}

// ---- Ticked rows: what is ticked stays ticked when the table comes anew; the bar shows how many there are.

const bulk = document.getElementById("bulk");
let ticked = new Set();

function tally() {
  const boxes = [...document.querySelectorAll("input[form=bulk]")];
  ticked = new Set(boxes.filter((box) => box.checked).map((box) => box.id));
  bulk.classList.toggle("some", ticked.size > 0);
  document.getElementById("bulk_count").textContent = ticked.size;
  const all = document.querySelector("[data-tick-all]");
  if (!all) return;
  all.checked = boxes.length > 0 && ticked.size === boxes.length;
  all.indeterminate = ticked.size > 0 && ticked.size < boxes.length;
}

if (bulk) {
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-tick-all]")) {
      for (const box of document.querySelectorAll("input[form=bulk]")) box.checked = event.target.checked;
    }
    if (event.target.matches("[data-tick-all], input[form=bulk]")) tally();
  });
  document.addEventListener("htmx:afterSettle", () => {
    for (const id of ticked) {
      const box = document.getElementById(id);
      if (box) box.checked = true;
    }
    tally();
  });
  tally();
}

// ---- The dialog: links with hx-target="#dialog" fill it; it opens when it is filled.

const dialog = document.getElementById("dialog");

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target !== dialog) return;
  if (!dialog.open && dialog.childElementCount) dialog.showModal();
  (dialog.querySelector("[aria-invalid]") ?? dialog.querySelector("[role=alert] a"))?.focus();
});

dialog?.addEventListener("close", () => dialog.replaceChildren());
dialog?.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});

// ---- Clicks and keys.

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy], [data-close], [data-dismiss], #theme, [aria-disabled=true]");
  if (button?.matches("[data-copy]")) copy(button);
  if (button?.matches("[data-close]")) dialog.close();
  if (button?.matches("[data-dismiss]")) button.closest(".note").remove();
  if (button?.matches("#theme")) nextTheme(button);
  if (button?.matches("[aria-disabled=true]")) event.preventDefault();
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target) || event.target.closest(".menu-list a")) menu.removeAttribute("open");
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !dialog?.open && !typing(event.target)) {
    event.preventDefault();
    document.getElementById("search_q")?.select();
  }
  const menu = document.querySelector("details.menu[open]");
  if (event.key === "Escape" && menu) {
    menu.removeAttribute("open");
    menu.querySelector("summary").focus();
  }
});

function typing(element) {
  return element.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(element.tagName);
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    copyTheOldWay(button.dataset.copy); // no clipboard without HTTPS, except on this machine itself
  }
  button.classList.add("copied");
  document.getElementById("announcement").textContent = "Copied.";
  setTimeout(() => button.classList.remove("copied"), 1500);
}

function copyTheOldWay(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  (dialog?.open ? dialog : document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

const THEMES = { system: "light", light: "dark", dark: "system" };

function nextTheme(button) {
  chooseTheme(THEMES[document.documentElement.dataset.theme] ?? "light");
  nameTheme(button);
}

function nameTheme(button) {
  const words = `Theme: ${document.documentElement.dataset.theme}`;
  button.setAttribute("aria-label", words);
  button.title = words;
}

if (document.getElementById("theme")) nameTheme(document.getElementById("theme"));

// ---- What is in the way names the field that cures it: a press ticks it, or leads there.

document.addEventListener("click", (event) => {
  const cure = event.target.closest("[data-cure]");
  const field = cure && document.getElementById(cure.dataset.cure);
  if (!field) return;
  for (let fold = field.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  if (field.type !== "checkbox") return field.focus();
  field.checked = true;
  field.dispatchEvent(new Event("change", { bubbles: true }));
});

// ---- A press shows at once that it works; forms in dialogs do so through htmx.

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!button || event.defaultPrevented || event.target.matches("[hx-post]")) return;
  button.setAttribute("aria-busy", "true");
  setTimeout(() => { button.disabled = true; });
});

window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return; // came back from the browser's cache, as it was left
  for (const button of document.querySelectorAll("[aria-busy=true]")) {
    button.removeAttribute("aria-busy");
    button.disabled = false;
  }
});

// ---- Times go on, in the words of templatetags/freezeframe.py.

function span(seconds) {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return pair(seconds, 3600, "h", 60, "min");
  return pair(seconds, 86400, "d", 3600, "h");
}

function pair(seconds, large, one, small, other) {
  const rest = Math.floor((seconds % large) / small);
  return `${Math.floor(seconds / large)} ${one}` + (rest ? ` ${rest} ${other}` : "");
}

function ago(seconds, moment) {
  if (seconds < 86400) return `${span(seconds).replace(/( h) .*/, "$1")} ago`;
  if (seconds < 172800) return "yesterday";
  if (seconds < 30 * 86400) return `${Math.floor(seconds / 86400)} d ago`;
  return moment.toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });

function write(time) {
  const moment = new Date(time.dateTime);
  const seconds = Math.max(0, Math.floor((Date.now() - moment) / 1000));
  const words = {
    ago: () => ago(seconds, moment),
    span: () => span(seconds),
    clock: () => clock.format(moment),
    day: () => day.format(moment),
  }[time.dataset.time]?.();
  if (words && time.textContent !== words) time.textContent = words;
}

function tick() {
  for (const time of document.querySelectorAll("time[data-time]")) write(time);
}

tick();
setInterval(() => {
  for (const time of document.querySelectorAll("time[data-time=ago], time[data-time=span]")) write(time);
}, 1000);

for (const note of document.querySelectorAll(".toasts .note")) setTimeout(() => note.remove(), 8000);
