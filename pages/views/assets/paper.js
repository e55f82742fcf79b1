// A chart is as wide as the screen. On paper it is drawn as wide as a sheet, so that its letters stay readable from any window.
// What is drawn pale on a dark screen can't be read on white paper: paper.css writes it in black, and inverts canvases.
const CHARTS = ".js-plotly-plot";
const TABLES = '[data-testid="stDataFrame"]';
const WHOSE = '[data-testid="stMain"] h1, [class*="st-key-whose"]';
const EDGE = new CSSStyleSheet(); // What stands at the edge of each sheet.
const SHEET = 680; // Width in px that an A4 sheet has between margins of 15 mm, the narrowest in use.
const TALL = 940; // Its height in px: a higher chart would be cut through.
const ROOM = 660; // What is left of it below a patient's heading and sentences.
const NEARLY = 850; // A chart of up to this height is still readable where it is shrunk to stand there.

export default function () {
  window.addEventListener("beforeprint", fit);
  window.addEventListener("afterprint", restore);
  return () => {
    window.removeEventListener("beforeprint", fit);
    window.removeEventListener("afterprint", restore);
  };
}

// Sheets come apart: each one says whose it is, below the content where the browser can write there.
function sign() {
  const said = [...document.querySelectorAll(WHOSE)].flatMap((part) => part.innerText.split("\n")).filter((line) => line.trim());
  const text = [...said.join(" · ")].map((letter) => `\\${letter.codePointAt(0).toString(16)} `).join("");
  EDGE.replaceSync(`@page { @bottom-left { content: "${text}"; font-size: 9pt } @bottom-right { content: counter(page) " / " counter(pages); font-size: 9pt } }`);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, EDGE];
}

// A table that scrolls prints what the screen shows of it: the sheet says that there is more.
function tell(table) {
  const moving = table.querySelector(".dvn-scroller"), rows = table.querySelector("[role=grid]")?.ariaRowCount;
  if (!moving || !rows || moving.scrollHeight <= moving.clientHeight + 1) return;
  table.parentElement.dataset.cut = `Of ${rows - 1} rows, only those that the screen showed are printed.`;
}

// By how much a chart is shrunk to stand on a sheet. Drawn less high, the names of its bands would touch each other.
function shrunk(high) {
  return (high > ROOM && high <= NEARLY ? ROOM : Math.min(high, TALL)) / high;
}

function fit() {
  sign();
  const ink = getComputedStyle(document.querySelector(".stApp")).color.match(/\d+/g).slice(0, 3).map(Number);
  document.documentElement.toggleAttribute("data-dark", Math.min(...ink) > 128);
  document.querySelectorAll(TABLES).forEach((table) => {
    table.style.zoom = Math.min(1, SHEET / table.getBoundingClientRect().width);
    tell(table);
  });
  document.querySelectorAll(CHARTS).forEach((chart) => {
    const inside = chart.querySelector(".svg-container");
    if (!(parseFloat(inside?.style.width) > 0)) return;
    chart.dataset.screen = parseFloat(inside.style.width);
    // Plotly's own, which Streamlit loads with its first chart; without it the chart is shrunk as it is.
    const smaller = shrunk(parseFloat(inside.style.height));
    window.Plotly?.relayout(chart, { width: SHEET / smaller });
    const width = parseFloat(inside.style.width), height = parseFloat(inside.style.height);
    inside.style.setProperty("--wide", `${width * smaller}px`);
    inside.style.setProperty("--shape", `${width} / ${height}`);
    chart.querySelectorAll(".main-svg").forEach((layer) => layer.setAttribute("viewBox", `0 0 ${width} ${height}`));
  });
}

function restore() {
  document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== EDGE);
  document.documentElement.removeAttribute("data-dark");
  document.querySelectorAll(TABLES).forEach((table) => { table.style.zoom = ""; delete table.parentElement.dataset.cut; });
  document.querySelectorAll(CHARTS).forEach((chart) => {
    const inside = chart.querySelector(".svg-container"), width = parseFloat(chart.dataset.screen);
    if (!(width > 0)) return;
    delete chart.dataset.screen;
    inside.style.removeProperty("--wide");
    inside.style.removeProperty("--shape");
    chart.querySelectorAll(".main-svg").forEach((layer) => layer.removeAttribute("viewBox"));
    window.Plotly?.relayout(chart, { width });
  });
}
