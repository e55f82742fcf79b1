// The caseload's table. Everything from data is set as text; a click on a name opens the patient in this window.
const WIDTH = 64, HEIGHT = 30, EDGE = 4, LEAST_SPAN = 0.1;
const SVG = "http://www.w3.org/2000/svg";

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const part = (name) => parentElement.querySelector(`[data-part="${name}"]`);
  const titles = ["Patient", "Needs you", "Last recording", "Usable face time", ...data.trends.map((one) => one.name)];
  const head = row(titles.map((title) => cell("th", "", title)));
  head.querySelectorAll("th").forEach((title) => title.setAttribute("scope", "col"));
  part("head").replaceChildren(head);
  part("body").replaceChildren(...data.rows.map((one) => line(one, data.trends, setTriggerValue)));
  const table = part("table"), turned = ![undefined, String(data.turns)].includes(table.dataset.turns);
  table.dataset.turns = data.turns;
  if (!turned) return;
  // The button of the page before is gone: who turned pages goes on at the first patient, by eye and by keyboard.
  table.scrollIntoView({ block: "start" });
  table.focus({ preventScroll: true });
}

function line(one, trends, setTriggerValue) {
  const link = make("a", "", one.name);
  link.href = `patient?patient=${encodeURIComponent(one.id)}`;
  link.onclick = (event) => {
    // Another tab or window is the browser's affair.
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    setTriggerValue("opened", one.id);
  };
  const name = make("span", "cut");
  name.append(link);
  const who = cell("td", "who");
  who.append(name, make("span", "cut small", one.identity));
  who.title = `${one.name} · ${one.identity}`;
  const marks = cell("td", "");
  const inside = make("div", "marks");
  inside.append(...one.needs.map((need) => make("span", "need", need)));
  inside.append(...one.badges.map((badge) => make("span", "badge", badge)));
  inside.title = [...one.needs, ...one.badges].join(" · ");
  marks.append(inside);
  const last = cell("td", "number", one.last);
  last.append(make("span", "cut small", one.recordings));
  const drawn = trends.map((trend, place) => small(one.trends[place], trend));
  const usable = cell("td", "number", one.usable);
  if (one.usable_of) usable.append(make("span", "cut small", one.usable_of));
  return row([who, marks, last, usable, ...drawn]);
}

function small(found, trend) {
  const inside = cell("td", "number");
  if (!found) {
    inside.textContent = "–";
    return inside;
  }
  const box = make("div", "trend");
  const share = make("span", "", found.last);
  if (found.interval) share.append(make("span", "cut small", found.interval));
  box.append(spark(found, trend), share);
  inside.append(box, make("span", "cut small", found.of));
  return inside;
}

function spark(found, trend) {
  const shares = [...found.points.map((point) => point.share), ...(found.usual ?? [])];
  const middle = (Math.min(...shares) + Math.max(...shares)) / 2;
  const span = Math.max(Math.max(...shares) - Math.min(...shares), LEAST_SPAN);
  const first = found.points[0].day, days = Math.max(found.points.at(-1).day - first, 1);
  const alone = found.points.length === 1;
  const x = (day) => (alone ? WIDTH - EDGE : EDGE + ((day - first) / days) * (WIDTH - 2 * EDGE));
  const y = (share) => HEIGHT / 2 - ((share - middle) / span) * (HEIGHT - 2 * EDGE);
  const svg = shape("svg", { width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
  svg.setAttribute("aria-label", `${trend.name}: ${found.said}`);
  const said = document.createElementNS(SVG, "title");
  said.textContent = found.said;
  svg.append(said);
  const newest = found.points.at(-1);
  if (found.usual) {
    const begins = x(found.points.find((point) => point.line === newest.line).day);
    const [low, high] = found.usual;
    svg.append(shape("rect", {
      x: Math.min(begins, WIDTH - 2 * EDGE), y: y(high), width: Math.max(WIDTH - EDGE - begins, EDGE),
      height: y(low) - y(high), fill: trend.color, opacity: 0.18,
    }));
  }
  let path = "";
  found.points.forEach((point, place) => {
    const joined = place && found.points[place - 1].line === point.line;
    path += `${joined ? "L" : "M"}${x(point.day).toFixed(1)} ${y(point.share).toFixed(1)}`;
    if (place && !joined) {
      const at = (x(point.day) + x(found.points[place - 1].day)) / 2;
      svg.append(shape("line", { x1: at, x2: at, y1: 0, y2: HEIGHT, stroke: "currentColor", opacity: 0.4, "stroke-dasharray": "2 2" }));
    }
  });
  svg.append(shape("path", { d: path, fill: "none", stroke: trend.color, "stroke-width": 1.8, "stroke-linejoin": "round" }));
  svg.append(shape("circle", { cx: x(newest.day), cy: y(newest.share), r: 3, fill: trend.color }));
  return svg;
}

function shape(name, values) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
  return made;
}

function make(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function cell(name, className, text = "") {
  return make(name, className, text);
}

function row(cells) {
  const made = document.createElement("tr");
  made.append(...cells);
  return made;
}
