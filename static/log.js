// The live log of one container: lines come by the page's event stream, cuts (checkpoints, restores) by the fragment.
// Follows the end until the reader scrolls up; bounded; a filter shows only lines that have a text.

const MOST = 1000;
const panel = document.getElementById("log_lines");
const follow = document.getElementById("log_follow");
const filter = document.getElementById("log_filter");
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

let following = true;
let replayed = false; // the log is being sent again from its tail: what is here already is passed over

// RFC 3339 with up to nine digits of a second, as text that sorts by time; empty for what is no time.
function stamp(at) {
  const [, whole, fraction, zone] = at.match(/^(\d{4}-.{14})(?:\.(\d+))?(.*)$/) ?? [];
  return whole ? `${String(Date.parse(whole + zone)).padStart(15, "0")}.${(fraction ?? "").padEnd(9, "0")}` : "";
}

const stampOf = (line) => stamp(line.dataset.at ?? "");
const lines = () => [...panel.children].filter((line) => line.dataset.id);

function lineOf({ id, at, text }) {
  const line = document.createElement("p");
  const time = document.createElement("time");
  const words = document.createElement("span");
  line.dataset.id = id;
  line.dataset.at = at;
  if (stamp(at)) {
    const moment = new Date(at);
    time.dateTime = at;
    time.title = `${moment.toISOString().slice(0, 19).replace("T", " ")} UTC`;
    time.textContent = clock.format(moment);
  }
  words.textContent = text;
  line.append(time, words);
  return line;
}

function sift(line) {
  const text = filter.value.toLowerCase();
  line.hidden = Boolean(text && line.dataset.id && !line.lastElementChild.textContent.toLowerCase().includes(text));
}

function toEnd() {
  if (following) panel.scrollTop = panel.scrollHeight;
}

function setFollowing(wanted) {
  following = wanted;
  follow.setAttribute("aria-pressed", String(wanted));
  toEnd();
}

function add(entry) {
  const last = lines().at(-1);
  const lastStamp = last ? stampOf(last) : "";
  const now = stamp(entry.at) || lastStamp;
  if (now < lastStamp) replayed = true;
  if (now > lastStamp) replayed = false;
  if (replayed || (last && entry.id === last.dataset.id)) return;
  panel.querySelector(".none")?.remove();
  const line = lineOf(entry);
  sift(line);
  panel.append(line);
  while (panel.childElementCount > MOST) panel.firstElementChild.remove();
  toEnd();
}

// The fragment is the truth for the time that its lines span; what came before or after is kept as it is.
function merge(html) {
  const fresh = [...new DOMParser().parseFromString(html, "text/html").body.children];
  const spanned = fresh.filter((line) => line.dataset.id).map(stampOf).filter(Boolean);
  const [first, final] = [spanned[0], spanned.at(-1)];
  const kept = lines().filter((line) => !spanned.length || stampOf(line) < first || stampOf(line) > final);
  const known = new Map(lines().map((line) => [line.dataset.id, line]));
  const all = [...kept, ...fresh.map((line) => known.get(line.dataset.id) ?? document.adoptNode(line))];
  const real = all.filter((line) => !line.matches(".none"));
  const anchor = [...panel.children].find((line) => line.offsetTop + line.offsetHeight > panel.scrollTop);
  const before = anchor?.offsetTop ?? 0;
  panel.replaceChildren(...(real.length ? inOrder(real).slice(-MOST) : all));
  panel.querySelectorAll("time[datetime]").forEach((time) => { time.textContent = clock.format(new Date(time.dateTime)); });
  [...panel.children].forEach(sift);
  if (anchor?.isConnected) panel.scrollTop += anchor.offsetTop - before;
  toEnd();
}

function inOrder(all) {
  let last = ""; // a line without a time stays where it stands
  return all
    .map((line, place) => ({ line, place, at: (last = stampOf(line) || last) }))
    .sort((one, other) => (one.at < other.at ? -1 : one.at > other.at ? 1 : one.place - other.place))
    .map(({ line }) => line);
}

panel.addEventListener("htmx:beforeSwap", (event) => {
  event.detail.shouldSwap = false;
  if (event.detail.xhr.status === 200) merge(event.detail.serverResponse);
});

panel.addEventListener("scroll", () => {
  const atEnd = panel.scrollHeight - panel.scrollTop - panel.clientHeight < 24;
  if (atEnd !== following) setFollowing(atEnd);
});

follow.addEventListener("click", () => setFollowing(!following));
filter.addEventListener("input", () => {
  [...panel.children].forEach(sift);
  toEnd();
});

document.addEventListener("signals:connected", (event) => {
  event.detail.addEventListener("log", (message) => add(JSON.parse(message.data)));
  htmx.trigger(panel, "log-catch-up");
});

toEnd();
