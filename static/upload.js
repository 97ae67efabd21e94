// An archive goes to the server in pieces, each at the offset that the server wants next: a lost connection loses one
// piece. Without this file the form sends the archive by itself.

const form = document.querySelector("form[data-upload]");
const shown = document.getElementById("uploading");
const bar = shown.querySelector("progress");
const words = shown.querySelector("p");
const go = form.querySelector("[data-go]");
const stop = form.querySelector("[data-stop]");
const WAITS = [1000, 2000, 4000, 8000, 15000]; // milliseconds before a lost piece is sent again; then every 15 s
const token = () => form.querySelector("[name=csrfmiddlewaretoken]").value;
let stopped = null;

form.addEventListener("submit", (event) => {
  const file = form.elements.file.files[0];
  if (!file || form.elements.upload.value) return;
  event.preventDefault();
  send(file);
});

stop.addEventListener("click", () => stopped?.abort());

window.addEventListener("beforeunload", (event) => {
  if (stopped) event.preventDefault();
});

async function send(file) {
  stopped = new AbortController();
  busy(true);
  let upload = null;
  try {
    upload = await begun(file);
    await pieces(file, upload);
    forget(file);
    stopped = null;
    form.elements.upload.value = upload.key;
    form.elements.file.value = "";
    tell(1, "All of it is here. It is handed to the host’s agent.");
    form.requestSubmit(go);
  } catch (error) {
    if (stopped?.signal.aborted && upload) await fetch(upload.url, { method: "DELETE", headers: { "X-CSRFToken": token() } });
    if (stopped?.signal.aborted) forget(file);
    tell(0, stopped?.signal.aborted ? "The upload was stopped, and what had come is removed." : error.message);
    stopped = null;
    busy(false);
  }
}

// The same file goes on where it stopped, also after the page was loaded anew.
const nameOf = (file) => `upload:${file.name}:${file.size}:${file.lastModified}`;

function forget(file) {
  localStorage.removeItem(nameOf(file));
}

async function begun(file) {
  const known = localStorage.getItem(nameOf(file));
  if (known) {
    const answer = await fetch(known, { signal: stopped.signal });
    const upload = answer.ok ? await answer.json() : null;
    if (upload?.state === "receiving" && upload.size === file.size) return upload;
  }
  const answer = await fetch(form.dataset.upload, {
    method: "POST",
    body: JSON.stringify({ name: file.name, size: file.size }),
    headers: { "Content-Type": "application/json", "X-CSRFToken": token() },
    signal: stopped.signal,
  });
  const upload = await answer.json();
  if (!answer.ok) throw new Error([upload.error, upload.remedy].filter(Boolean).join(" "));
  localStorage.setItem(nameOf(file), upload.url);
  return upload;
}

async function pieces(file, upload) {
  const piece = Number(form.dataset.piece);
  const start = { at: performance.now(), offset: upload.offset };
  let offset = upload.offset;
  let lost = 0;
  while (offset < file.size) {
    stopped.signal.throwIfAborted();
    try {
      const answer = await put(upload, file.slice(offset, offset + piece), offset);
      const said = await answer.json();
      if (!answer.ok && answer.status !== 409 && answer.status < 500) throw Object.assign(new Error(said.error), { final: true });
      if (!answer.ok) throw new Error(said.error);
      offset = said.offset;
      lost = 0;
      progress(file, offset, start);
    } catch (error) {
      if (error.final || stopped.signal.aborted) throw error;
      tell(offset / file.size, "The connection is lost. It is tried again, from where it stopped.");
      await pause(WAITS[Math.min(lost++, WAITS.length - 1)]);
      offset = await wanted(upload, offset);
    }
  }
}

const put = (upload, body, offset) => fetch(`${upload.url}?offset=${offset}`, {
  method: "PUT",
  body,
  headers: { "Content-Type": "application/octet-stream", "X-CSRFToken": token() },
  signal: stopped.signal,
});

async function wanted(upload, offset) {
  try {
    const answer = await fetch(upload.url, { signal: stopped.signal });
    return answer.ok ? (await answer.json()).offset : offset;
  } catch (error) {
    if (stopped.signal.aborted) throw error;
    return offset;
  }
}

function pause(milliseconds) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    stopped.signal.addEventListener("abort", () => { clearTimeout(timer); reject(stopped.signal.reason); }, { once: true });
  });
}

const MIB = 1024 * 1024;
const mebibytes = (bytes) => Math.floor(bytes / MIB).toLocaleString("en");

function progress(file, offset, start) {
  const seconds = (performance.now() - start.at) / 1000;
  const speed = (offset - start.offset) / Math.max(seconds, 0.001);
  const left = Math.ceil((file.size - offset) / speed);
  tell(offset / file.size, `${mebibytes(offset)} of ${mebibytes(file.size)} MiB, ${(speed / MIB).toFixed(0)} MiB/s, about ${left} s left`);
}

function tell(part, text) {
  shown.hidden = false;
  bar.value = part;
  if (words.textContent !== text) words.textContent = text;
}

function busy(on) {
  go.disabled = on;
  stop.hidden = !on;
  go.toggleAttribute("aria-busy", on);
}
