// A camera looked at live: pictures go out, what is seen in them comes back, and each is drawn with its answer.
// What is drawn is the picture that was looked at, so that nobody is shown who was not yet made unrecognisable.
const WIDTH_PX = 640, QUALITY = 0.8, UNDER_WAY = 2, STRIP_S = 60, LONGEST_RECORDING_S = 3600;
const CELLS_AROUND = 16, CELLS_OF_A_FACE = 6, MARGIN = 0.25;
const FEW = 4;
const RECORDED = ["video/webm;codecs=vp8", "video/webm", "video/mp4"];
const FAULTS = {
  NotAllowedError: "The browser may not use the camera. Allow it beside the address, then start again.",
  NotFoundError: "No camera was found.",
  NotReadableError: "The camera is used by another program. Close it there, then start again.",
  AbortError: "The camera did not start. Perhaps another program uses it. Close it there, then start again.",
};
const LOST = "The connection ended, and with it the live view.";
const SILENT_MS = 3000, DEAD_MS = 10_000, AGAIN_MS = 1000, TRIED_MS = 20_000, REFUSED = 1008;
const NO_ANSWER = "No answer for some seconds: the connection is slow or interrupted. What is seen here is no longer live.";
const NO_PICTURE = "The camera sends no pictures. Perhaps it is covered, asleep, or used by another program.";
const AGAIN = "The connection was interrupted. Connecting again…";
const known = new WeakMap();

export default function (component) {
  const { data, parentElement } = component;
  let view = known.get(parentElement);
  if (!view) {
    view = new View(parentElement);
    known.set(parentElement, view);
  }
  view.tell = component.setTriggerValue;
  view.note = component.setStateValue;
  view.update(data);
  return () => {
    known.delete(parentElement);
    view.close();
  };
}

class View {
  constructor(root) {
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.root = this.part("live");
    this.video = this.part("video");
    this.picture = this.part("picture");
    const press = { start: () => this.start(), stop: () => this.stop(""), other: () => this.choose(null),
      go_on: () => this.act(), record: () => this.record(), keep: () => this.keep() };
    for (const [name, act] of Object.entries(press)) this.part(name).onclick = act;
    this.picture.onclick = (event) => this.click(event);
    this.left = () => this.close();
    addEventListener("pagehide", this.left);
    // What was recorded is stored or dropped: there is room for the next one.
    this.emptied = () => this.root.dataset.recording === "waits" && this.may_record();
    addEventListener("live-recording-over", this.emptied);
    this.root.figures = () => ({ answers: this.answers, lags_ms: this.lags, took_ms: this.took });
  }

  update(data) {
    this.data = data;
    if (!["now", "waits"].includes(this.root.dataset.recording)) this.may_record();
    const legend = data.names.map((name, place) => [name, data.colors[place]]);
    this.part("legend").replaceChildren(...[...legend, ["uncertain", data.uncertain]].map(([name, color]) => {
      const item = document.createElement("li");
      item.textContent = name;
      item.style.setProperty("--color", color);
      return item;
    }));
  }

  may_record() {
    this.root.dataset.recording = this.data.may_record ? "may" : "no";
    this.part("waits").textContent = "";
  }

  async start() {
    if (this.turn) return;
    const turn = (this.turn = {});
    this.show("starting", "Starting the camera…");
    let stream;
    try {
      if (!navigator.mediaDevices) throw new Error("no secure page");
      const wanted = { width: { ideal: WIDTH_PX }, height: { ideal: 360 }, frameRate: { ideal: 30 } };
      stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
    } catch (error) {
      if (this.turn === turn) this.stop(FAULTS[error.name] || "The camera can't be started. It needs https, or this computer's own address.", true);
      return;
    }
    // Who left the page meanwhile has no use for a camera any more.
    if (this.turn !== turn) return end(stream);
    this.stream = stream;
    for (const track of stream.getTracks()) track.onended = () => this.stop("The camera was disconnected.", true);
    this.video.srcObject = stream;
    this.begin(turn);
    await this.video.play().catch(() => {});
  }

  begin(turn) {
    Object.assign(this, { number: 0, sent: new Map(), free: Array.from({ length: UNDER_WAY + 1 }, () => document.createElement("canvas")),
      ready: false, chosen: null, told: null, moments: [], answers: 0, lags: [], took: [], broken_at: null });
    this.seen_at = performance.now();
    this.connect(turn);
    const watching = setInterval(() => (this.turn === turn ? this.look_after(turn) : clearInterval(watching)), AGAIN_MS);
    const next = () => {
      if (this.turn !== turn) return;
      this.seen_at = performance.now();
      this.send();
      this.video.requestVideoFrameCallback(next);
    };
    this.video.requestVideoFrameCallback(next);
  }

  connect(turn) {
    for (const { canvas } of this.sent.values()) this.free.push(canvas);
    this.sent.clear();
    Object.assign(this, { ready: false, chosen: null, told: null, begun_at: performance.now() });
    // What an earlier connection still says is about pictures that are forgotten.
    const line = {}, take = (told) => this.turn === turn && this.current === line && this.take(told);
    this.current = line;
    this.line = this.data.line ? new Socket(this.data.line, { patient: this.data.patient }, take) : new Posts(this.data.posts, take);
  }

  // Says within seconds that what is seen is not live, and gets a connection again that is lost; a recording goes on meanwhile.
  look_after(turn) {
    const now = performance.now(), waits = Math.min(now, ...[...this.sent.values()].map((one) => one.at));
    if (!this.ready) {
      if (this.broken_at === null) return;
      if (now - this.broken_at > TRIED_MS) return this.stop(LOST, true);
      if (this.line === null || now - this.begun_at > DEAD_MS) this.reconnect(turn);
    } else if (now - waits > DEAD_MS) this.interrupted();
    else if (now - waits > SILENT_MS) this.say_fault(NO_ANSWER, true);
    else if (now - this.seen_at > SILENT_MS && !document.hidden) this.say_fault(NO_PICTURE, true);
  }

  may_come_back(told) {
    // The server may still hold the lost line for a while, and so one too many.
    if (this.broken_at !== null && told.ended === "too_many_viewers") return true;
    return told.ended === "closed" && told.code !== REFUSED && this.data.line && (this.ready || this.broken_at !== null);
  }

  reconnect(turn) {
    if (this.line) this.line.close();
    this.connect(turn);
  }

  // Pictures of before are not left to be taken for what happens now.
  interrupted() {
    if (this.broken_at === null) this.broken_at = performance.now();
    if (this.line) this.line.close();
    this.current = this.line = null;
    this.ready = false;
    this.picture.getContext("2d").clearRect(0, 0, this.picture.width, this.picture.height);
    this.offer([]);
    this.root.dataset.chosen = "no";
    this.say_fault(AGAIN, true);
  }

  send() {
    if (!this.ready || this.sent.size >= UNDER_WAY || !this.video.videoWidth) return;
    const canvas = this.free.pop(), number = ++this.number, turn = this.turn;
    canvas.width = Math.min(WIDTH_PX, this.video.videoWidth);
    canvas.height = Math.round((canvas.width * this.video.videoHeight) / this.video.videoWidth);
    canvas.getContext("2d").drawImage(this.video, 0, 0, canvas.width, canvas.height);
    this.sent.set(number, { canvas, at: performance.now() });
    canvas.toBlob(async (blob) => {
      const jpeg = new Uint8Array(await blob.arrayBuffer()), all = new Uint8Array(jpeg.length + 4);
      new DataView(all.buffer).setUint32(0, number, true);
      all.set(jpeg, 4);
      // A picture of an earlier connection is not sent over another one.
      if (this.turn === turn && this.sent.has(number)) this.line.send(all);
    }, "image/jpeg", QUALITY);
  }

  take(told) {
    // Without the right to watch nothing is handed in either; what was recorded before a broken line is.
    if (this.may_come_back(told)) return this.interrupted();
    if (told.ended) return this.stop(told.says, true, told.ended !== "closed");
    if (told.ready) {
      const again = this.broken_at !== null ? "Connected again. " : "";
      Object.assign(this, { ready: true, broken_at: null });
      // Of the server's clock: this computer's own may be wrong by hours or days.
      if (told.now_ms) this.ahead_ms = told.now_ms - performance.now();
      return this.show("running", `${again}Looking for faces…`);
    }
    const answered = this.sent.get(told.number);
    // Pictures before it were passed over for it.
    for (const [number, { canvas }] of this.sent) {
      if (number > told.number) continue;
      this.sent.delete(number);
      this.free.push(canvas);
    }
    if (!answered) return;
    this.told = told;
    this.draw(answered.canvas, told);
    this.answers += 1;
    this.lags.push(performance.now() - answered.at);
    this.took.push(told.took_ms);
    if (this.lags.length > 5000) this.lags.shift(), this.took.shift();
    this.say(told);
    this.warn(told.ends_in_s);
  }

  draw(canvas, told) {
    const { picture } = this, pen = picture.getContext("2d"), alone = told.chosen !== null;
    if (picture.width !== told.width || picture.height !== told.height) Object.assign(picture, { width: told.width, height: told.height });
    pen.drawImage(canvas, 0, 0, told.width, told.height);
    if (alone) this.hide(pen, canvas, told);
    pen.lineWidth = 3;
    pen.font = "600 16px sans-serif";
    for (const face of told.faces) {
      if (alone && !face.chosen) continue;
      const [left, top, right, bottom] = face.box, color = this.color(face);
      pen.strokeStyle = color;
      pen.strokeRect(left, top, right - left, bottom - top);
      // Beside many others the number alone, or the names would hide the faces below them.
      const name = told.faces.length > FEW ? `${face.number + 1}` : `Face ${face.number + 1}`;
      const text = face.chosen ? this.caption(face) : name, wide = pen.measureText(text).width;
      const y = Math.min(told.height - 4, bottom + 20), x = Math.max(4, Math.min(left, told.width - wide - 4));
      pen.fillStyle = "#111c";
      pen.fillRect(x - 4, y - 16, wide + 8, 22);
      pen.fillStyle = "#fff";
      pen.fillText(text, x, y);
    }
  }

  // Everything but the chosen face is made coarse: also somebody whom nobody found.
  hide(pen, canvas, told) {
    const { width, height } = told, cell = Math.max(width, height) / CELLS_AROUND;
    coarse(pen, canvas, [0, 0, width, height], Math.round(width / cell), Math.round(height / cell));
    const chosen = told.faces.find((face) => face.chosen);
    if (!chosen) return;
    const place = widened(chosen.box, width, height), [left, top, right, bottom] = place;
    pen.drawImage(canvas, left, top, right - left, bottom - top, left, top, right - left, bottom - top);
    pen.save();
    pen.beginPath();
    pen.rect(left, top, right - left, bottom - top);
    pen.clip();
    for (const face of told.faces) {
      if (!face.chosen) coarse(pen, canvas, widened(face.box, width, height), CELLS_OF_A_FACE, CELLS_OF_A_FACE);
    }
    pen.restore();
  }

  color(face) {
    if (face.label !== null && face.label !== undefined) return this.data.colors[face.label];
    return face.chosen && face.probabilities ? this.data.uncertain : "#fff";
  }

  caption(face) {
    if (!face.probabilities) return this.data.statuses[face.status] || face.status;
    return face.label === null ? "uncertain" : `${this.data.names[face.label]}, ${face.band}`;
  }

  say(told) {
    const face = told.faces.find((one) => one.chosen), chosen = told.chosen !== null;
    this.root.dataset.chosen = chosen ? "yes" : "no";
    if (this.chosen !== null && !chosen) this.gone = this.wanted !== null;
    if (chosen) this.gone = false;
    this.chosen = told.chosen;
    this.offer(chosen ? [] : told.faces.map((one) => one.number));
    this.remember(face);
    if (face) return this.say_fault([this.caption(face), face.hint].filter(Boolean).join(" · "));
    const said = chosen ? "The chosen face is not in the picture." : this.ask(told.faces.length);
    this.say_fault(told.hint ? `${said} ${told.hint}.` : said);
  }

  ask(count) {
    const gone = this.gone ? "The chosen face left. " : "";
    if (!count) return `${gone}No face is seen.`;
    return `${gone}Choose the face that is to be labelled; everybody else is then made unrecognisable.`;
  }

  offer(numbers) {
    const key = numbers.join();
    if (key === this.offered) return;
    this.offered = key;
    this.part("faces").replaceChildren(...numbers.map((number) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = `Face ${number + 1}`;
      button.onclick = () => this.choose(number);
      return button;
    }));
  }

  click(event) {
    if (!this.told || this.told.chosen !== null) return;
    const shown = this.picture.getBoundingClientRect();
    const x = ((event.clientX - shown.left) / shown.width) * this.told.width, y = ((event.clientY - shown.top) / shown.height) * this.told.height;
    const face = this.told.faces.find(({ box }) => box[0] <= x && x <= box[2] && box[1] <= y && y <= box[3]);
    if (face) this.choose(face.number);
  }

  choose(number) {
    if (!this.line) return;
    this.gone = false;
    this.wanted = number;
    this.line.say({ choose: number });
    this.act();
  }

  // What a person does in here is told to the page, so that it counts as presence; pictures never do.
  act() {
    this.warn(null);
    this.acts = (this.acts || 0) + 1;
    this.tell("acted", this.acts);
  }

  warn(left_s) {
    const ending = left_s !== undefined && left_s !== null;
    this.root.dataset.ending = ending ? "yes" : "no";
    const minute = ending ? `You will be signed out in ${left_s > 60 ? "two minutes" : "less than a minute"}, and ${this.recorder || this.root.dataset.recording === "waits" ? "the recording is lost" : "the live view ends"}, unless you go on.` : "";
    if (this.part("warning").textContent !== minute) this.part("warning").textContent = minute;
  }

  remember(face) {
    const now = performance.now() / 1000;
    this.moments.push({ at: now, color: face && face.probabilities ? this.color(face) : null, top: face && face.probabilities ? Math.max(...face.probabilities) : 0 });
    while (this.moments[0].at < now - STRIP_S) this.moments.shift();
    const strip = this.part("strip"), wide = strip.clientWidth, high = strip.clientHeight;
    if (strip.width !== wide || strip.height !== high) Object.assign(strip, { width: wide, height: high });
    const pen = strip.getContext("2d");
    pen.clearRect(0, 0, wide, high);
    this.moments.forEach((moment, place) => {
      if (!moment.color) return;
      const until = place + 1 < this.moments.length ? this.moments[place + 1].at : now + 0.05;
      const left = wide * (1 - (now - moment.at) / STRIP_S), right = wide * (1 - (now - Math.min(until, moment.at + 1)) / STRIP_S);
      pen.fillStyle = moment.color;
      pen.fillRect(left, high * (1 - moment.top), Math.max(1, right - left), high * moment.top);
    });
  }

  record() {
    const type = RECORDED.find((one) => MediaRecorder.isTypeSupported(one));
    if (!type || !this.stream) return this.say_fault("This browser can't record.");
    const parts = [], begun = performance.now(), at = new Date(this.ahead_ms === undefined ? Date.now() : this.ahead_ms + begun), recorder = (this.recorder = new MediaRecorder(this.stream, { mimeType: type, videoBitsPerSecond: 2_500_000 }));
    recorder.ondataavailable = (event) => event.data.size && parts.push(event.data);
    recorder.onstop = () => {
      if (recorder.dropped) return;
      if (!parts.length) return this.may_record();
      this.hand_over(new File(parts, `${named(at)}.${type.includes("mp4") ? "mp4" : "webm"}`, { type: type.split(";")[0] }));
    };
    recorder.start(1000);
    this.root.dataset.recording = "now";
    // The page keeps whose face it is meanwhile.
    this.note?.("recording", true);
    this.ticking = setInterval(() => {
      const seconds = Math.round((performance.now() - begun) / 1000);
      this.part("clock").textContent = `Recording: ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
      if (seconds >= LONGEST_RECORDING_S) this.keep();
    }, 500);
    this.act();
  }

  hand_over(file) {
    // The page's own upload takes it from here.
    dispatchEvent(new CustomEvent("live-recording", { detail: file }));
  }

  keep(dropped = false) {
    if (!this.recorder) return;
    clearInterval(this.ticking);
    this.part("clock").textContent = "";
    this.recorder.dropped = dropped;
    if (this.recorder.state !== "inactive") this.recorder.stop();
    this.recorder = null;
    if (dropped) this.may_record();
    else this.wait();
    if (!this.gone) this.note?.("recording", false);
  }

  // The upload of the page takes one recording: until it is stored or dropped there is no second one.
  wait() {
    this.root.dataset.recording = "waits";
    this.part("waits").textContent = "The recording is not stored yet: start its analysis below, or cancel it there.";
  }

  // `dropped`: a recording that runs is given up, since nobody is there to hand it in.
  stop(says, wrong = false, dropped = false) {
    this.keep(dropped);
    this.turn = null;
    if (this.line) this.line.close();
    this.line = this.current = null;
    if (this.stream) end(this.stream);
    this.stream = this.video.srcObject = null;
    this.picture.width = this.picture.height = 1;
    this.moments = [];
    this.offer([]);
    this.root.dataset.chosen = "no";
    this.warn(null);
    this.show(wrong ? "ended" : "idle", says, wrong);
  }

  close() {
    this.gone = true;
    removeEventListener("pagehide", this.left);
    removeEventListener("live-recording-over", this.emptied);
    this.stop("", false, true);
  }

  show(state, says, wrong = false) {
    this.root.dataset.state = state;
    this.say_fault(says, wrong);
  }

  say_fault(says, wrong = false) {
    this.part("said").dataset.wrong = wrong ? "yes" : "no";
    this.part("said").textContent = says;
  }
}

class Socket {
  constructor(path, hello, take) {
    const line = (this.line = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`));
    line.binaryType = "arraybuffer";
    line.onopen = () => line.send(JSON.stringify(hello));
    line.onmessage = (event) => take(JSON.parse(event.data));
    line.onclose = (event) => take({ ended: "closed", says: LOST, code: event.code });
  }

  send(bytes) {
    if (this.line.readyState === 1) this.line.send(bytes);
  }

  say(asked) {
    if (this.line.readyState === 1) this.line.send(JSON.stringify(asked));
  }

  close() {
    this.line.onclose = null;
    this.line.close();
  }
}

// The same over plain requests, for a page of this computer alone.
class Posts {
  constructor(path, take) {
    Object.assign(this, { path, take });
    queueMicrotask(() => take({ ready: true }));
  }

  async send(bytes) {
    const headers = { "Content-Type": "image/jpeg" };
    try {
      const answer = await fetch(this.path, { method: "POST", headers, body: bytes });
      this.take(await answer.json());
    } catch {
      this.take({ ended: "closed", says: LOST });
    }
  }

  say(asked) {
    const headers = { "Content-Type": "application/json" };
    fetch(this.path, { method: "POST", headers, body: JSON.stringify(asked) }).catch(() => {});
  }

  close() {
    this.take = () => {};
  }
}

function coarse(pen, canvas, [left, top, right, bottom], across, down) {
  const small = document.createElement("canvas");
  Object.assign(small, { width: Math.max(1, across), height: Math.max(1, down) });
  const shrink = small.getContext("2d");
  shrink.imageSmoothingQuality = "high";
  shrink.drawImage(canvas, left, top, right - left, bottom - top, 0, 0, small.width, small.height);
  pen.imageSmoothingEnabled = false;
  pen.drawImage(small, left, top, right - left, bottom - top);
  pen.imageSmoothingEnabled = true;
}

// Hair and chin, which lie outside the detector's box.
function widened([left, top, right, bottom], width, height) {
  const wide = (right - left) * MARGIN, high = (bottom - top) * MARGIN;
  return [Math.max(0, left - wide), Math.max(0, top - high), Math.min(width, right + wide), Math.min(height, bottom + high)];
}

function end(stream) {
  for (const track of stream.getTracks()) {
    track.onended = null;
    track.stop();
  }
}

// In UTC: the zone of this computer may be another one than the clinic's, in which the program shows day and time.
function named(at) {
  const two = (number) => String(number).padStart(2, "0");
  const day = `${at.getUTCFullYear()}${two(at.getUTCMonth() + 1)}${two(at.getUTCDate())}`;
  return `LIVE_${day}_${two(at.getUTCHours())}${two(at.getUTCMinutes())}${two(at.getUTCSeconds())}`;
}
