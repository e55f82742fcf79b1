// A kept video with its labels below: a moment is chosen on the strip, and the strip shows where the video is.
const STEP_S = 5;
const BROKEN = "This browser can't play this kind of video. What was read of it stands in the chart.";
const REFUSED = "The video can't be shown any more. Reload the page to see why.";
const known = new WeakMap();

export default function (component) {
  const { data, parentElement } = component;
  let player = known.get(parentElement);
  if (!player) {
    player = new Player(parentElement);
    known.set(parentElement, player);
  }
  player.update(data);
  return () => {
    known.delete(parentElement);
    player.close();
  };
}

class Player {
  constructor(root) {
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.video = this.part("video");
    this.strip = this.part("strip");
    this.video.ontimeupdate = this.video.onseeking = () => this.draw();
    this.video.onerror = () => this.fail();
    this.strip.onclick = (event) => {
      const box = this.strip.getBoundingClientRect();
      this.go(((event.clientX - box.left) / box.width) * this.length);
    };
    this.strip.onkeydown = (event) => {
      const step = { ArrowRight: STEP_S, ArrowLeft: -STEP_S }[event.key];
      if (!step) return;
      event.preventDefault();
      this.go(this.video.currentTime + step);
    };
  }

  update(data) {
    if (data.source === this.source) return;
    this.source = data.source;
    this.runs = data.runs;
    this.length = data.length_s;
    this.part("player").dataset.state = "";
    this.strip.querySelectorAll(".run").forEach((old) => old.remove());
    for (const run of this.runs) {
      const block = document.createElement("div");
      block.className = "run";
      block.style.left = `${(run.begin_s / this.length) * 100}%`;
      block.style.width = `${((run.end_s - run.begin_s) / this.length) * 100}%`;
      block.style.background = run.color;
      block.title = run.text;
      this.strip.append(block);
    }
    this.strip.setAttribute("aria-valuemin", "0");
    this.strip.setAttribute("aria-valuemax", this.length.toFixed(0));
    this.video.src = this.source;
    this.draw();
  }

  go(to_s) {
    this.video.currentTime = Math.min(Math.max(0, to_s), this.length);
  }

  draw() {
    const at = this.video.currentTime;
    this.part("cursor").style.left = `${Math.min(1, at / this.length) * 100}%`;
    const run = this.runs.find((one) => one.begin_s <= at && at < one.end_s);
    const said = `${clock(at)}${run ? ` · ${run.name}` : ""}`;
    this.part("said").textContent = said;
    this.strip.setAttribute("aria-valuenow", at.toFixed(0));
    this.strip.setAttribute("aria-valuetext", said);
  }

  async fail() {
    if (!this.source) return;
    this.part("player").dataset.state = "broken";
    // An element doesn't say whether it was refused or could not be read.
    const answer = await fetch(this.source, { method: "HEAD", cache: "no-store" }).catch(() => null);
    this.part("said").textContent = answer && answer.ok ? BROKEN : REFUSED;
  }

  close() {
    this.source = null;
    this.video.onerror = null;
    this.video.removeAttribute("src");
    // Without this the browser goes on fetching.
    this.video.load();
  }
}

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
