// A recording over its own time: a kept video, its labels, the model's curves and the marks on one axis.
// Times here are the recording's; a file's own clock begins `begins_s` earlier where its sound begins first.
const BROKEN = "This browser can't play this video format. The chart shows its results.";
const REFUSED = "The video can't be shown any more. Reload the page to see why.";
const FACE_PX = 60;
const ROW_PX = 18, GAP_PX = 4, CHART_PX = 200, AXIS_PX = 58;
const SPEEDS = [0.5, 0.75, 1, 1.5, 2];
const MOSAIC_PX = 24;
// Dashes of a long recording merge, and take long to draw.
const DASHED_MOST = 4000;
const known = new WeakMap();

export default function (component) {
  const { data, parentElement } = component;
  let player = known.get(parentElement);
  if (!player) {
    player = new Player(parentElement);
    known.set(parentElement, player);
  }
  player.report = component.setTriggerValue;
  player.update(data);
  return () => {
    known.delete(parentElement);
    player.close();
  };
}

class Player {
  constructor(root) {
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.root = this.part("player");
    this.video = this.part("video");
    this.strip = this.part("strip");
    this.at = 0;
    this.chosen = null;
    this.shown = null;
    this.speed = 1;
    this.arrived = () => this.show_first();
    this.listen();
    this.sized = new ResizeObserver(() => this.resize());
    this.sized.observe(this.root);
  }

  listen() {
    const press = { play: () => this.toggle(), in: () => this.zoom(0.5), out: () => this.zoom(2), all: () => this.range(0, this.length),
      mark: () => this.ask("mark"), exclude: () => this.ask("exclude"), bands: () => this.stack(),
      png: () => this.want("png"), svg: () => this.want("svg") };
    for (const [name, act] of Object.entries(press)) this.part(name).onclick = act;
    this.part("speed").onchange = (event) => this.pace(Number(event.target.value));
    this.root.onkeydown = (event) => this.key(event);
    const video = this.video;
    video.onplay = video.onpause = video.onended = () => this.say();
    video.onseeked = video.ontimeupdate = () => this.follow();
    for (const event of ["loadeddata", "canplay", "canplaythrough", "playing"]) video.addEventListener(event, this.arrived);
    video.onerror = () => this.fail();
    const plots = this.part("plots");
    plots.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.strip.onpointerdown = (event) => {
      this.strip.setPointerCapture(event.pointerId);
      this.go(this.time_at(event.clientX));
      this.strip.onpointermove = (move) => this.go(this.time_at(move.clientX));
    };
    this.strip.onpointerup = this.strip.onpointercancel = () => { this.strip.onpointermove = null; };
  }

  update(data) {
    const other = !this.data || data.series !== this.data.series;
    // One that was taken before the page was left is not taken again.
    if (!this.data) this.pictured = data.picture?.number;
    const source = data.source || "";
    if (other) this.decode(data);
    this.data = data;
    this.root.dataset.picture = source ? "yes" : "no";
    this.root.dataset.write = data.writable ? "yes" : "no";
    this.root.dataset.blind = data.blind ? "yes" : "no";
    this.root.dataset.alone = data.hide_others ? "yes" : "no";
    if (source !== this.source) {
      this.source = source;
      this.part("nothing").textContent = "";
      this.pictured_once = false;
      // With "metadata" a browser may stop before it has decoded a picture, above all of a video that isn't visible.
      this.video.preload = data.hide_others ? "auto" : "metadata";
      if (source) this.video.src = source;
    }
    this.faces();
    this.lists();
    if (other && !data.blind) this.chart();
    if (data.seek && data.seek.number !== this.sought) {
      this.sought = data.seek.number;
      this.go(data.seek.time_s);
    }
    if (data.picture && data.picture.number !== this.pictured) {
      this.pictured = data.picture.number;
      this.picture(data.picture.kind);
    }
    this.say();
    this.draw();
    this.show_first();
  }

  // A video that is invisible because of others in it is seen by its canvas alone. No event says that the browser has a
  // picture for the canvas: those of loading come before it, and invisible pictures may never be presented.
  show_first(tries = 0) {
    clearTimeout(this.first_soon);
    if (!this.has_video || !this.data.hide_others || this.pictured_once) return;
    this.draw();
    if (this.pictured_once) return;
    // A seek to where it stands makes the browser decode that picture again.
    if (tries % 10 === 9 && this.video.readyState >= 1 && !this.video.seeking) this.video.currentTime = this.at + this.data.begins_s;
    this.first_soon = setTimeout(() => this.show_first(tries + 1), 100);
  }

  decode(data) {
    this.length = Math.max(data.length_s, 0.1);
    this.times = floats(data.times);
    this.values = floats(data.curves);
    this.codes = bytes(data.codes);
    this.raw = data.raw ? bytes(data.raw) : null;
    this.boxes = data.boxes ? new Int16Array(bytes(data.boxes).buffer) : null;
    this.step = data.step_s;
    this.rows = this.rows_of(data.names.length);
    this.lonely = lonely_of(this.rows[1]);
    this.runs = runs_of(this.codes, this.times, this.step);
    const mouth = data.mouth ? bytes(data.mouth) : null;
    this.mouth_runs = mouth ? runs_of(mouth, this.times, this.step).filter((run) => run.code < 2) : null;
    this.raw_runs = this.raw ? runs_of(this.raw, this.times, this.step) : null;
    this.shown ??= new Set(data.shown);
  }

  // The curves as they are drawn: no value where there was none, nor across a hole between two samples.
  rows_of(columns) {
    const count = this.times.length, rows = Array.from({ length: columns + 1 }, () => []);
    for (let place = 0; place < count; place++) {
      if (place && this.times[place] - this.times[place - 1] > 2.5 * this.step) {
        rows[0].push((this.times[place] + this.times[place - 1]) / 2);
        for (let column = 1; column <= columns; column++) rows[column].push(null);
      }
      rows[0].push(this.times[place]);
      for (let column = 1; column <= columns; column++) {
        const value = this.values[(column - 1) * count + place];
        rows[column].push(value === value ? value : null);
      }
    }
    return rows;
  }

  chart(seen = null) {
    if (this.plot) this.plot.destroy();
    const text = () => this.style("--st-text-color"), line = () => this.style("--st-border-color");
    const axis = { stroke: text, grid: { stroke: line, width: 1 }, ticks: { stroke: line }, font: "12px sans-serif" };
    const plain = this.stacked || this.times.length > DASHED_MOST;
    const series = this.data.names.map((label, place) => ({
      label, stroke: this.data.colors[place], width: 1.5, dash: plain ? [] : this.data.dashes[place], spanGaps: false,
      fill: this.stacked && place === 0 ? this.data.colors[place] : undefined,
      show: this.shown.has(place),
      // A line alone would not show a sample between two gaps.
      points: { show: true, size: 4, fill: this.data.colors[place], filter: () => this.lonely },
    }));
    this.plot = new uPlot({
      // At the right half of the last time of the axis stands beyond it: 1:00:00 is wider than 0:20.
      width: this.root.clientWidth || 800, height: CHART_PX, legend: { show: false }, padding: [6, 26, 0, 0],
      scales: { x: { time: false, range: (u, low, high) => [low, high] }, y: { range: [0, 1] } },
      axes: [{ ...axis, size: 26, values: (u, found) => found.map((time_s) => clock(time_s, this.high - this.low < 10 ? 1 : 0)) },
        { ...axis, size: AXIS_PX, values: (u, found) => found.map((value) => `${Math.round(value * 100)} %`) }],
      cursor: { points: { show: false }, y: false, drag: { x: true, y: false, setScale: false } },
      series: [{}, ...series],
      bands: this.stacked ? this.data.colors.slice(1).map((fill, place) => ({ series: [place + 2, place + 1], fill })) : [],
      hooks: { setSelect: [(u) => this.select(u)], setScale: [(u, key) => key === "x" && this.scaled()], ready: [() => this.scaled()] },
    }, this.stacked ? stacked_of(this.rows, this.shown) : this.rows, this.part("chart"));
    this.plot.over.addEventListener("click", (event) => {
      if (this.plot.select.width < 3) { this.choose(null); this.go(this.time_at(event.clientX)); }
    });
    this.plot.over.addEventListener("dblclick", () => this.range(0, this.length));
    if (seen) this.range(...seen); else this.range(0, this.length);
    this.chips();
    this.root.dataset.ready = "yes";
    performance.mark("recording-ready");
  }

  stack() {
    this.stacked = !this.stacked;
    this.part("bands").setAttribute("aria-pressed", this.stacked);
    // A stack shows what the whole output is made of.
    if (this.stacked) { this.before = new Set(this.shown); this.data.names.forEach((name, number) => this.shown.add(number)); }
    else this.shown = this.before;
    this.chart([this.low, this.high]);
  }

  style(name) { return getComputedStyle(this.root).getPropertyValue(name) || "#808080"; }

  chips() {
    const place = this.part("chips");
    place.replaceChildren(...this.data.names.map((name, number) => {
      const chip = document.createElement("button");
      chip.type = "button";
      chip.textContent = name;
      chip.style.setProperty("--color", this.data.colors[number]);
      chip.setAttribute("aria-pressed", this.shown.has(number));
      chip.onclick = () => {
        const show = !this.shown.has(number);
        if (show) this.shown.add(number); else this.shown.delete(number);
        chip.setAttribute("aria-pressed", show);
        // What is hidden takes no room in a stack, which is drawn again.
        if (this.stacked) this.chart([this.low, this.high]);
        else this.plot.setSeries(number + 1, { show });
      };
      return chip;
    }));
  }

  // Small pictures of the face, where there is no video. They are beside the canvas, so that no picture of the chart has them.
  faces() {
    const key = this.data.faces.map((face) => face.at_s).join();
    if (key === this.faced) return;
    this.faced = key;
    const pictures = this.data.faces.map((face) => {
      const picture = document.createElement("img");
      picture.src = face.picture;
      picture.title = clock(face.at_s, 1);
      picture.onclick = () => this.go(face.at_s);
      return picture;
    });
    this.part("faces").replaceChildren(...(pictures.length ? ["Face", ...pictures] : []));
    this.place_faces();
  }

  // Each in the middle over its moment, as far as they do not overlap.
  place_faces() {
    if (!this.plot || this.low == null) return;
    let free = this.left_px;
    this.part("faces").querySelectorAll("img").forEach((picture, number) => {
      const at = this.data.faces[number].at_s, last = this.left_px + this.wide_px - FACE_PX;
      const left = Math.min(last, Math.max(this.left_px, this.px_of(at) - FACE_PX / 2));
      const seen = at >= this.low && at <= this.high && left >= free;
      picture.style.display = seen ? "" : "none";
      picture.style.left = `${left}px`;
      if (seen) free = left + FACE_PX + 2;
    });
  }

  lists() {
    const key = JSON.stringify(this.data.lists);
    if (key === this.listed) return;
    this.listed = key;
    const filled = this.data.lists.filter((list) => list.moments.length);
    this.part("side").replaceChildren(...filled.map((list) => {
      const section = document.createElement("section");
      const title = document.createElement("h3"), items = document.createElement("ol");
      title.textContent = list.title;
      for (const moment of list.moments) {
        const item = document.createElement("li"), button = document.createElement("button"), when = document.createElement("b");
        button.type = "button";
        when.textContent = clock(moment.begin_s);
        button.append(when, moment.text);
        button.onclick = () => list.review ? this.review(list.moments, list.moments.indexOf(moment)) : this.visit(moment);
        item.append(button);
        items.append(item);
      }
      section.append(title, items);
      if (!list.review) return section;
      const all = document.createElement("button");
      all.type = "button";
      all.textContent = `Review all, ${Math.round(list.moments.reduce((sum, one) => sum + one.end_s - one.begin_s, 0))} s`;
      all.onclick = () => this.review(list.moments, 0);
      title.after(all);
      return section;
    }));
  }

  visit(moment) {
    this.stop_review();
    this.choose([moment.begin_s, moment.end_s]);
    const wide = Math.max(30, 3 * (moment.end_s - moment.begin_s)), middle = (moment.begin_s + moment.end_s) / 2;
    if (wide < this.length) this.range(middle - wide / 2, middle + wide / 2);
    this.go(moment.begin_s);
  }

  review(moments, number) {
    const moment = moments[number];
    if (!moment) return this.stop_review();
    this.visit(moment);
    this.reviewed = { moments, number };
    this.part("review").textContent = `${number + 1} of ${moments.length}: ${moment.text}`;
    this.play();
  }

  stop_review() {
    this.reviewed = null;
    this.part("review").textContent = "";
  }

  // Time.

  get has_video() { return Boolean(this.source) && this.root.dataset.picture === "yes"; }
  get playing() { return this.has_video ? !this.video.paused && !this.video.ended : Boolean(this.running); }

  go(to_s) {
    this.at = Math.min(Math.max(0, to_s), this.length);
    if (this.has_video) this.video.currentTime = this.at + this.data.begins_s;
    this.keep_in_view();
    this.draw();
    if (!this.playing) this.say();
  }

  follow() {
    if (!this.has_video) return;
    this.at = Math.max(0, this.video.currentTime - this.data.begins_s);
    this.draw();
    if (!this.playing) this.say();
  }

  toggle() { this.playing ? this.pause() : this.play(); }

  play() {
    if (this.has_video) this.video.play().catch(() => {});
    else if (this.at >= this.length - 0.05) this.at = 0;
    this.running = true;
    this.last = performance.now();
    if (!this.frame) this.frame = requestAnimationFrame((now) => this.tick(now));
    this.say();
  }

  pause() {
    this.running = false;
    if (this.has_video) this.video.pause();
    this.stop_review();
    this.say();
  }

  tick(now) {
    this.frame = null;
    if (!this.running) return;
    if (this.has_video) {
      this.at = Math.max(0, this.video.currentTime - this.data.begins_s);
      if (this.video.ended) this.running = false;
    } else {
      this.at = Math.min(this.length, this.at + ((now - this.last) / 1000) * this.speed);
      if (this.at >= this.length) this.running = false;
    }
    this.last = now;
    const reviewed = this.reviewed;
    if (reviewed && this.at >= reviewed.moments[reviewed.number].end_s) this.review(reviewed.moments, reviewed.number + 1);
    if (reviewed && !this.reviewed) return this.pause();
    this.keep_in_view();
    this.draw();
    if (now - (this.spoke || 0) > 250) { this.spoke = now; this.say(); }
    if (this.running) this.frame = requestAnimationFrame((next) => this.tick(next));
    else this.say();
  }

  pace(speed) {
    this.speed = speed;
    this.video.playbackRate = speed;
    this.part("speed").value = String(speed);
  }

  key(event) {
    if (["SELECT", "INPUT"].includes(event.target.tagName)) return;
    const step = event.ctrlKey ? 10 : event.shiftKey ? 1 : this.step || 1;
    const acts = {
      ArrowRight: () => this.go(this.at + step), ArrowLeft: () => this.go(this.at - step),
      PageDown: () => this.go(this.at + 10), PageUp: () => this.go(this.at - 10),
      Home: () => this.go(0), End: () => this.go(this.length),
      "[": () => this.faster(-1), "]": () => this.faster(1), "+": () => this.zoom(0.5), "-": () => this.zoom(2),
      m: () => this.ask("mark"), x: () => this.ask("exclude"), Escape: () => { this.choose(null); this.stop_review(); },
    };
    if (event.target.tagName !== "BUTTON") acts[" "] = () => this.toggle();
    const act = acts[event.key];
    if (!act || event.altKey || event.metaKey || (event.ctrlKey && !event.key.startsWith("Arrow"))) return;
    event.preventDefault();
    act();
  }

  faster(by) {
    const place = SPEEDS.indexOf(this.speed) + by;
    if (SPEEDS[place]) this.pace(SPEEDS[place]);
  }

  ask(what) {
    if (!this.data.writable) return;
    const [begin_s, end_s] = this.chosen || [this.at, Math.min(this.length, this.at + Math.max(1, this.step))];
    this.pause();
    this.report("asked", { what, begin_s, end_s, number: Date.now() });
  }

  // The axis.

  range(low, high) {
    const wide = Math.min(high - low, this.length), begin = Math.min(Math.max(0, low), this.length - wide);
    if (this.plot) this.plot.setScale("x", { min: begin, max: begin + wide });
  }

  zoom(factor, around = this.at) {
    const wide = Math.max(2, (this.high - this.low) * factor), share = (around - this.low) / (this.high - this.low);
    this.range(around - share * wide, around + (1 - share) * wide);
  }

  wheel(event) {
    event.preventDefault();
    const pan = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (pan) {
      const by = (event.deltaX || event.deltaY) / this.wide_px * (this.high - this.low);
      return this.range(this.low + by, this.high + by);
    }
    this.zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY / 240))), this.time_at(event.clientX));
  }

  keep_in_view() {
    if (!this.plot || (this.at >= this.low && this.at <= this.high)) return;
    const wide = this.high - this.low;
    this.range(this.at - wide * 0.1, this.at + wide * 0.9);
  }

  scaled() {
    const plot = this.plot;
    if (!plot || plot.scales.x.min == null) return;
    this.low = plot.scales.x.min;
    this.high = plot.scales.x.max;
    this.left_px = plot.over.offsetLeft;
    this.wide_px = plot.over.offsetWidth || 1;
    this.place_selection();
    this.draw_strip();
    this.draw_head();
  }

  time_at(client_x) {
    const box = this.plot.over.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (client_x - box.left) / box.width));
    return this.low + share * (this.high - this.low);
  }

  px_of(time_s) { return this.left_px + ((time_s - this.low) / (this.high - this.low)) * this.wide_px; }

  select(plot) {
    if (this.placing || plot.select.width < 3) return;
    this.chosen = [plot.posToVal(plot.select.left, "x"), plot.posToVal(plot.select.left + plot.select.width, "x")];
    this.report_choice();
  }

  choose(span) {
    this.chosen = span;
    this.place_selection();
    this.report_choice();
  }

  report_choice() {
    this.part("chosen").textContent = this.chosen ? `Selected: ${clock(this.chosen[0], 1)} to ${clock(this.chosen[1], 1)}` : "";
    this.draw_strip();
  }

  place_selection() {
    if (!this.plot) return;
    this.placing = true;
    const [begin, end] = (this.chosen || [0, 0]).map((time_s) => Math.min(this.wide_px, Math.max(0, this.px_of(time_s) - this.left_px)));
    this.plot.setSelect({ left: this.chosen ? begin : 0, width: this.chosen ? end - begin : 0, top: 0, height: this.plot.over.offsetHeight }, false);
    this.placing = false;
  }

  resize() {
    if (!this.plot || !this.root.clientWidth) return;
    this.plot.setSize({ width: this.root.clientWidth, height: CHART_PX });
    this.scaled();
    this.draw();
  }

  // Drawing.

  draw() {
    this.draw_head();
    this.draw_over();
  }

  draw_head() {
    if (!this.plot || this.low == null) return;
    this.part("head").style.transform = `translateX(${this.px_of(this.at)}px)`;
    this.part("plots").setAttribute("aria-valuenow", this.at.toFixed(2));
  }

  draw_strip() {
    if (!this.plot || this.low == null) return;
    this.place_faces();
    const rows = [["Label", this.raw_runs || this.runs, null], ...(this.raw_runs ? [["Marked", this.runs, null]] : []), ["Quality", this.runs, "quality"],
      ...(this.mouth_runs ? [["Mouth", this.mouth_runs, "mouth"]] : []),
      ...(this.data.marks.length ? [["Marks", null, "marks"]] : [])];
    const ratio = devicePixelRatio || 1, wide = this.root.clientWidth, high = rows.length * (ROW_PX + GAP_PX);
    this.strip.width = wide * ratio;
    this.strip.height = high * ratio;
    this.strip.style.height = `${high}px`;
    const pen = this.strip.getContext("2d");
    pen.scale(ratio, ratio);
    pen.font = "12px sans-serif";
    pen.textBaseline = "middle";
    rows.forEach(([name, runs, kind], number) => {
      const top = number * (ROW_PX + GAP_PX);
      pen.fillStyle = this.style("--st-text-color");
      pen.fillText(name, 0, top + ROW_PX / 2);
      if (kind === "marks") return this.draw_marks(pen, top);
      if (kind === "mouth") return this.draw_mouth(pen, runs, top);
      for (const run of runs) this.draw_run(pen, run, top, kind === "quality");
    });
  }

  draw_run(pen, run, top, quality) {
    if (run.end_s < this.low || run.begin_s > this.high) return;
    const look = this.data.looks[run.code];
    const [begin, end] = this.span_px(run);
    pen.fillStyle = quality ? look.quality : look.color;
    pen.fillRect(begin, top, Math.max(0.6, end - begin), ROW_PX);
    if (!quality || look.usable || pen.measureText(look.name).width + 8 > end - begin) return;
    pen.fillStyle = "#ffffff";
    pen.fillText(look.name, begin + 4, top + ROW_PX / 2);
  }

  // High where the mouth moves, low where it is still.
  draw_mouth(pen, runs, top) {
    pen.fillStyle = this.style("--st-text-color");
    for (const run of runs) {
      if (run.end_s < this.low || run.begin_s > this.high) continue;
      const [begin, end] = this.span_px(run), high = run.code === 1 ? ROW_PX : 3;
      pen.fillRect(begin, top + ROW_PX - high, Math.max(0.6, end - begin), high);
    }
  }

  draw_marks(pen, top) {
    for (const mark of this.data.marks) {
      if (mark.end_s < this.low || mark.begin_s > this.high) continue;
      const [begin, end] = this.span_px(mark);
      pen.fillStyle = this.style("--st-primary-color");
      pen.globalAlpha = mark.leaves_out ? 0.45 : 1;
      pen.fillRect(begin, top, Math.max(3, end - begin), ROW_PX);
      pen.globalAlpha = 1;
    }
  }

  span_px(span) {
    return [Math.max(this.left_px, this.px_of(span.begin_s)), Math.min(this.left_px + this.wide_px, this.px_of(span.end_s))];
  }

  draw_over() {
    const over = this.part("over"), video = this.video;
    if (!this.has_video || !video.videoWidth) return;
    const ratio = devicePixelRatio || 1, wide = over.clientWidth, high = over.clientHeight;
    if (over.width !== Math.round(wide * ratio) || over.height !== Math.round(high * ratio)) {
      over.width = Math.round(wide * ratio);
      over.height = Math.round(high * ratio);
    }
    const pen = over.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, wide, high);
    const scale = Math.min(wide / video.videoWidth, high / video.videoHeight);
    const frame = { left: (wide - video.videoWidth * scale) / 2, top: (high - video.videoHeight * scale) / 2, scale };
    const place = this.place_of(this.at), box = place >= 0 ? this.box_of(place, frame) : null;
    if (this.data.hide_others) this.show_alone(pen, frame, box);
    if (!box || this.data.blind) return;
    const look = this.data.looks[this.codes[place]];
    pen.lineWidth = 2;
    pen.strokeStyle = look.color;
    if (!look.usable) pen.setLineDash([5, 4]);
    pen.strokeRect(box.left, box.top, box.wide, box.high);
    pen.setLineDash([]);
    pen.font = "600 14px sans-serif";
    const width = pen.measureText(look.name).width + 10, top = box.top > 24 ? box.top - 22 : box.top + box.high + 2;
    const label_left = Math.max(0, Math.min(box.left, wide - width));
    pen.fillStyle = "rgba(18, 24, 28, 0.85)";
    pen.fillRect(label_left, top, width, 20);
    pen.fillStyle = "#ffffff";
    pen.textBaseline = "middle";
    pen.fillText(look.name, label_left + 5, top + 10);
  }

  box_of(place, frame) {
    const [left, top, right, bottom] = this.boxes ? this.boxes.subarray(4 * place, 4 * place + 4) : [0, 0, 0, 0];
    if (right <= left) return null;
    const share = this.video.videoWidth / (this.data.width_px || this.video.videoWidth) * frame.scale;
    return { left: frame.left + left * share, top: frame.top + top * share, wide: (right - left) * share, high: (bottom - top) * share };
  }

  // Where others were seen their places are not kept, so everything around the patient's face is made coarse. The video
  // itself is invisible then (player.css): what isn't drawn here is not shown.
  show_alone(pen, frame, box) {
    const video = this.video, wide = video.videoWidth * frame.scale, high = video.videoHeight * frame.scale;
    this.small ??= document.createElement("canvas");
    this.small.width = MOSAIC_PX;
    this.small.height = Math.max(1, Math.round(MOSAIC_PX * video.videoHeight / video.videoWidth));
    const coarse = this.small.getContext("2d", { willReadFrequently: true });
    coarse.drawImage(video, 0, 0, this.small.width, this.small.height);
    // Without a picture nothing was drawn: it is still transparent.
    this.pictured_once ||= coarse.getImageData(0, 0, 1, 1).data[3] > 0;
    pen.imageSmoothingEnabled = false;
    pen.drawImage(this.small, frame.left, frame.top, wide, high);
    if (!box) return;
    pen.save();
    pen.imageSmoothingEnabled = true;
    pen.beginPath();
    pen.rect(box.left - box.wide * 0.3, box.top - box.high * 0.3, box.wide * 1.6, box.high * 1.6);
    pen.clip();
    pen.drawImage(video, frame.left, frame.top, wide, high);
    pen.restore();
  }

  place_of(time_s) {
    let low = 0, high = this.times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle] <= time_s + 1e-3) low = middle + 1; else high = middle;
    }
    const place = low - 1;
    return place >= 0 && time_s - this.times[place] <= 2 * Math.max(this.step, 0.05) ? place : -1;
  }

  say() {
    const place = this.place_of(this.at), look = place >= 0 ? this.data.looks[this.codes[place]] : null;
    this.part("play").textContent = this.playing ? "Pause" : "Play";
    this.part("clock").textContent = `${clock(this.at, 1)} of ${clock(this.length)}`;
    if (this.data.blind) {
      this.part("said").textContent = "";
      return;
    }
    const values = place >= 0 && look.usable ? [...this.shown].sort((a, b) => a - b).map((number) => {
      const value = this.values[number * this.times.length + place];
      return value !== value ? "" : `${this.data.names[number]} ${Math.round(value * 100)} %`;
    }) : [];
    const marks = this.data.marks.filter((mark) => mark.begin_s <= this.at && this.at <= mark.end_s).map((mark) => mark.text);
    const said = [look ? look.name : "no sample here", ...values.filter(Boolean), ...marks].join(" · ");
    this.part("said").textContent = said;
    const plots = this.part("plots");
    plots.setAttribute("aria-valuemin", "0");
    plots.setAttribute("aria-valuemax", this.length.toFixed(2));
    plots.setAttribute("aria-valuetext", `${clock(this.at, 1)}, ${said}`);
  }

  // The program first logs that a picture is taken, and reports it in `data.picture`.
  want(kind) { this.report("taken", { kind, number: Date.now() }); }

  picture(kind) {
    if (!this.plot) return;
    if (kind === "svg") return save(new Blob([this.as_svg()], { type: "image/svg+xml" }), "chart.svg");
    const chart = this.plot.ctx.canvas, strip = this.strip, whole = document.createElement("canvas");
    whole.width = chart.width;
    whole.height = strip.height + chart.height;
    const pen = whole.getContext("2d");
    pen.fillStyle = this.style("--st-background-color");
    pen.fillRect(0, 0, whole.width, whole.height);
    pen.drawImage(strip, 0, 0);
    pen.drawImage(chart, 0, strip.height);
    whole.toBlob((blob) => save(blob, "chart.png"));
  }

  // The visible part: the labels, and the curves that are shown, with their names.
  as_svg() {
    const wide = 1000, left = 60, plot_px = wide - left - 10, top = 40, high = 240, bottom = top + high;
    const x = (time_s) => left + (time_s - this.low) / (this.high - this.low) * plot_px;
    const inside = (run) => run.end_s >= this.low && run.begin_s <= this.high;
    const rect = (begin, end, y, color) => `<rect x="${begin.toFixed(1)}" y="${y}" width="${Math.max(0.5, end - begin).toFixed(1)}" height="16" fill="${color}"/>`;
    const text = (at, y, said, anchor = "start") => `<text x="${at.toFixed(1)}" y="${y}" text-anchor="${anchor}">${escaped(said)}</text>`;
    const parts = this.runs.filter(inside).map((run) =>
      rect(Math.max(left, x(run.begin_s)), Math.min(left + plot_px, x(run.end_s)), 12, this.data.looks[run.code].color));
    parts.push(text(0, 25, "Label"), `<path d="M${left} ${top} V${bottom} H${left + plot_px}" fill="none" stroke="#667079"/>`);
    for (const share of [0, 0.5, 1]) parts.push(text(left - 6, bottom - share * high + 4, `${share * 100} %`, "end"));
    for (let place = 0; place <= 4; place++) {
      const time_s = this.low + (this.high - this.low) * place / 4;
      parts.push(text(x(time_s), bottom + 18, clock(time_s, this.high - this.low < 10 ? 1 : 0), place === 4 ? "end" : place ? "middle" : "start"));
    }
    const rows = this.stacked ? stacked_of(this.rows, this.shown) : this.rows;
    [...this.shown].sort((a, b) => a - b).forEach((number, place) => {
      parts.push(`<path d="${path_of(rows[0], rows[number + 1], this.low, this.high, x, (value) => bottom - value * high)}" fill="none" stroke="${this.data.colors[number]}" stroke-width="1.3" stroke-dasharray="${this.stacked ? "" : this.data.dashes[number]}"/>`);
      parts.push(rect(left + place * 130, left + place * 130 + 14, bottom + 30, this.data.colors[number]), text(left + place * 130 + 20, bottom + 43, this.data.names[number]));
    });
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${wide} ${bottom + 60}" font-family="sans-serif" font-size="13"><rect width="100%" height="100%" fill="#ffffff"/>${parts.join("")}</svg>`;
  }

  async fail() {
    if (!this.source) return;
    // An element doesn't say whether it was refused or could not be read.
    const answer = await fetch(this.source, { method: "HEAD", cache: "no-store" }).catch(() => null);
    this.part("nothing").textContent = answer && answer.ok ? BROKEN : REFUSED;
  }

  close() {
    this.running = false;
    this.source = null;
    clearTimeout(this.first_soon);
    for (const event of ["loadeddata", "canplay", "canplaythrough", "playing"]) this.video.removeEventListener(event, this.arrived);
    this.sized.disconnect();
    this.video.onerror = null;
    this.video.removeAttribute("src");
    // Without this the browser goes on fetching.
    this.video.load();
    if (this.plot) this.plot.destroy();
  }
}

function bytes(text) {
  const raw = atob(text), found = new Uint8Array(raw.length);
  for (let place = 0; place < raw.length; place++) found[place] = raw.charCodeAt(place);
  return found;
}

const floats = (text) => new Float32Array(bytes(text).buffer);

// Each row on top of those before it that are shown; what is hidden has no height.
function stacked_of(rows, shown) {
  const found = [rows[0]], sum = new Float64Array(rows[0].length);
  for (let number = 1; number < rows.length; number++) {
    const row = rows[number], on = shown.has(number - 1);
    found.push(row.map((value, place) => value == null ? null : (sum[place] += on ? value : 0)));
  }
  return found;
}

function path_of(times, values, low, high, x, y) {
  let path = "", down = false;
  for (let place = 0; place < times.length; place++) {
    if (times[place] < low || times[place] > high) continue;
    if (values[place] == null) { down = false; continue; }
    path += `${down ? "L" : "M"}${x(times[place]).toFixed(1)} ${y(values[place]).toFixed(1)}`;
    down = true;
  }
  return path;
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

const escaped = (text) => text.replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]);

function lonely_of(row) {
  const found = [];
  for (let place = 0; place < row.length; place++) {
    if (row[place] != null && row[place - 1] == null && row[place + 1] == null) found.push(place);
  }
  return found;
}

function runs_of(codes, times, step) {
  const runs = [], reach = 2 * (step || 1);
  for (let place = 0; place < codes.length; place++) {
    const end = Math.min(place + 1 < codes.length ? times[place + 1] : times[place] + (step || 1), times[place] + reach);
    const last = runs[runs.length - 1];
    if (last && last.code === codes[place] && times[place] - last.end_s < 1e-3) last.end_s = end;
    else runs.push({ code: codes[place], begin_s: times[place], end_s: end });
  }
  return runs;
}

function clock(seconds, digits = 0) {
  const tenths = Math.round(seconds * 10), whole = digits ? Math.floor(tenths / 10) : Math.round(seconds);
  const hours = Math.floor(whole / 3600), minutes = Math.floor((whole % 3600) / 60), rest = String(whole % 60).padStart(2, "0");
  const tail = digits ? `.${tenths % 10}` : "";
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}${tail}` : `${minutes}:${rest}${tail}`;
}
