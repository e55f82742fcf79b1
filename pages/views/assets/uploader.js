// Files are uploaded one after the other, in pieces that can be sent again: to /uploads/<id>, as in the tus protocol.
const PIECE = 16 * 1024 * 1024;
const BLOCK = 4 * 1024 * 1024;
const TRIES = 8;
const TYPE = "application/offset+octet-stream";
const known = new WeakMap();

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  let uploader = known.get(parentElement);
  if (!uploader) {
    uploader = new Uploader(parentElement);
    known.set(parentElement, uploader);
  }
  uploader.report = setStateValue;
  uploader.update(data);
  return () => {
    known.delete(parentElement);
    removeEventListener("live-recording", uploader.receive);
    uploader.pause();
  };
}

class Uploader {
  constructor(root) {
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.part("input").onchange = (event) => this.choose(event.target.files);
    this.part("again").onclick = () => this.resume();
    this.part("stop").onclick = () => this.pause("Paused. What was sent is kept for a day.");
    this.part("cancel").onclick = () => this.cancel();
    const box = this.part("box");
    box.ondragover = (event) => event.preventDefault();
    box.ondrop = (event) => {
      event.preventDefault();
      if (!this.files) this.choose(event.dataTransfer.files);
    };
    // A recording of the live view on the same page.
    this.receive = ({ detail }) => !this.files && this.choose([detail]);
    this.show("choose");
  }

  update(data) {
    this.part("box").dataset.receives = data.receives;
    this.receives = data.receives;
    if (data.receives) addEventListener("live-recording", this.receive);
    const input = this.part("input");
    input.accept = data.accept;
    input.multiple = this.many = data.many;
    input.ariaLabel = this.part("label").textContent = data.label;
    this.part("hint").textContent = data.hint;
    // The page took the files, and asks for others.
    if (this.finished && !data.choice) return this.reset();
    if (!this.files || data.choice !== this.choice) return;
    if (data.error) return this.fail(data.error);
    if (data.uploads && !this.ids) {
      this.ids = data.uploads;
      this.files.forEach((file, number) => remember(file, this.ids[number]));
      if (!this.held) this.resume();
    }
  }

  async choose(chosen) {
    const files = this.many ? [...chosen] : [...chosen].slice(0, 1);
    if (!files.length) return;
    this.files = files;
    this.size = files.reduce((sum, file) => sum + file.size, 0);
    this.at = 0;
    this.ids = null;
    this.held = false;
    const choice = (this.choice = crypto.getRandomValues(new Uint32Array(4)).join("-"));
    this.part("name").textContent = files.length === 1 ? files[0].name : `${files.length} files`;
    this.draw(0);
    this.show("sending", "Preparing…");
    // The names go to the page alone, and never into an address.
    const described = [];
    for (const file of files) described.push({ name: file.name, size: file.size, before: await left(file) });
    if (this.choice === choice) this.report("chosen", { choice, files: described });
  }

  get file() {
    return this.files[this.at];
  }

  get id() {
    return this.ids[this.at];
  }

  async resume() {
    this.held = false;
    if (!this.ids) return this.show("sending", "Preparing…");
    const turn = (this.turn = {});
    this.show("sending", "Uploading…");
    this.start = null;
    for (let failures = 0; failures < TRIES; ) {
      try {
        while (this.at < this.files.length) {
          let offset = await this.offset();
          if (this.turn !== turn) return;
          this.start ??= { at: performance.now(), sent: this.earlier() + offset };
          while (offset < this.file.size) {
            offset = await this.send(offset);
            if (this.turn !== turn) return;
            failures = 0;
          }
          this.at += 1;
        }
        return this.finish();
      } catch (error) {
        if (this.turn !== turn) return;
        if (error instanceof Refusal && error.full) return this.pause(error.message);
        if (error instanceof Refusal && !error.passing) return this.fail(error.message);
        failures += 1;
        this.say(`The connection was interrupted. Trying again (${failures} of ${TRIES})…`);
        await new Promise((go) => setTimeout(go, Math.min(15000, 500 * 2 ** failures)));
        if (this.turn !== turn) return;
      }
    }
    this.pause("The connection is lost. What was sent is kept for a day: continue when it is back.");
  }

  earlier() {
    return this.files.slice(0, this.at).reduce((sum, file) => sum + file.size, 0);
  }

  async offset() {
    const answer = await fetch(`/uploads/${this.id}`, { method: "HEAD", cache: "no-store" });
    if (!answer.ok) throw new Refusal(answer.status, answer.status === 404 ? GONE : "");
    return Number(answer.headers.get("Upload-Offset"));
  }

  send(offset) {
    return new Promise((done, broken) => {
      const request = (this.request = new XMLHttpRequest());
      request.open("PATCH", `/uploads/${this.id}`);
      request.setRequestHeader("Content-Type", TYPE);
      request.setRequestHeader("Upload-Offset", String(offset));
      request.upload.onprogress = (event) => this.draw(offset + event.loaded);
      request.onload = () => {
        if (request.status !== 204) return broken(new Refusal(request.status, sentence(request)));
        done(Number(request.getResponseHeader("Upload-Offset")));
      };
      request.onerror = request.onabort = () => broken(new Error("interrupted"));
      request.send(this.file.slice(offset, offset + PIECE));
    });
  }

  finish() {
    this.files.forEach(forget);
    this.draw(0);
    this.show("done", "Uploaded.");
    this.finished = true;
    this.report("done", this.ids);
  }

  pause(message) {
    this.turn = null;
    this.held = true;
    if (this.request) this.request.abort();
    if (message) this.show("paused", message);
  }

  async cancel() {
    const ids = this.ids || [];
    this.pause();
    if (this.files) this.files.forEach(forget);
    this.reset();
    this.report("chosen", null);
    this.report("done", null);
    for (const id of ids) await fetch(`/uploads/${id}`, { method: "DELETE" }).catch(() => {});
  }

  fail(message) {
    if (this.files) this.files.forEach(forget);
    this.reset();
    this.say(message || "The upload failed. Please choose the file again.", true);
  }

  reset() {
    this.files = this.ids = this.choice = this.turn = null;
    this.finished = false;
    this.part("input").value = "";
    this.show("choose", "");
    if (this.receives) dispatchEvent(new CustomEvent("live-recording-over"));
  }

  draw(sent) {
    const size = this.size;
    sent += this.earlier();
    this.part("bar").value = size ? sent / size : 0;
    const seconds = this.start ? (performance.now() - this.start.at) / 1000 : 0;
    const pace = seconds > 1 ? (sent - this.start.sent) / seconds : 0;
    const left = pace > 0 && sent < size ? ` · ${pace_of(pace)} · ${time_of((size - sent) / pace)} left` : "";
    this.part("sent").textContent = `${bytes_of(sent)} of ${bytes_of(size)}${left}`;
  }

  show(state, message) {
    this.part("box").dataset.state = state;
    this.say(message || "");
  }

  say(message, wrong = false) {
    const said = this.part("said");
    said.textContent = message;
    said.dataset.wrong = wrong;
  }
}

const GONE = "This upload does not exist any more. Please choose the file again.";

class Refusal extends Error {
  constructor(status, message) {
    super(message);
    // Another piece is still coming in, or it didn't follow on: asking for the place helps. So may a gateway's error.
    this.passing = [409, 423, 429, 502, 503, 504].includes(status);
    // What arrived stays, and a person makes room: the upload goes on from there.
    this.full = status === 507;
  }
}

function sentence(request) {
  try {
    return JSON.parse(request.responseText).message;
  } catch {
    return "";
  }
}

// Where a file was left is kept in this browser by its size and date, without its name.
const place = (file) => `upload-${file.size}-${file.lastModified}`;
const remembered = (file) => storage(() => localStorage.getItem(place(file)));
const remember = (file, id) => storage(() => localStorage.setItem(place(file), id));
const forget = (file) => storage(() => localStorage.removeItem(place(file)));

// What is there of an upload that was left, and a hash of as many bytes of this file: the server compares them, because
// two files may have one size and date.
async function left(file) {
  const id = remembered(file);
  if (!id) return null;
  try {
    const answer = await fetch(`/uploads/${id}`, { method: "HEAD", cache: "no-store" });
    if (!answer.ok) return null;
    const sent = Number(answer.headers.get("Upload-Offset"));
    return { id, sent, digest: await digest(file.slice(0, sent)) };
  } catch {
    return null;
  }
}

// As clinic/recordings/incoming.py makes it: the hash of each block's hash.
async function digest(part) {
  const hashes = [];
  for (let at = 0; at < part.size; at += BLOCK) hashes.push(await sha256(part.slice(at, at + BLOCK)));
  const whole = new Uint8Array(await sha256(new Blob(hashes)));
  return [...whole].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const sha256 = async (blob) => crypto.subtle.digest("SHA-256", await blob.arrayBuffer());

function storage(use) {
  try {
    return use();
  } catch {
    return null;
  }
}

function bytes_of(count) {
  if (count < 1e6) return `${Math.ceil(count / 1e3)} kB`;
  return count < 1e9 ? `${(count / 1e6).toFixed(0)} MB` : `${(count / 1e9).toFixed(2)} GB`;
}

const pace_of = (pace) => `${(pace / 1e6).toFixed(pace < 1e7 ? 1 : 0)} MB/s`;

function time_of(seconds) {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  return seconds < 3600 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
