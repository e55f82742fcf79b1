// A chart is as wide as the screen. On paper it is drawn as wide as a sheet, so that its letters stay readable from any window.
// What is drawn pale on a dark screen can't be read on white paper: paper.css writes it in black, and inverts canvases.
const CHARTS = ".js-plotly-plot";
const TABLES = '[data-testid="stDataFrame"]';
const WHOSE = '[data-testid="stMain"] h1, [class*="st-key-whose"]';
const EDGE = new CSSStyleSheet(); // What stands at the edge of each sheet.
const SHEET = 680; // Width in px that an A4 sheet has between margins of 15 mm, the narrowest in use.

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

function fit() {
  sign();
  const ink = getComputedStyle(document.querySelector(".stApp")).color.match(/\d+/g).slice(0, 3).map(Number);
  document.documentElement.toggleAttribute("data-dark", Math.min(...ink) > 128);
  document.querySelectorAll(TABLES).forEach((table) => {
    table.style.zoom = Math.min(1, SHEET / table.getBoundingClientRect().width);
  });
  document.querySelectorAll(CHARTS).forEach((chart) => {
    const inside = chart.querySelector(".svg-container");
    if (!(parseFloat(inside?.style.width) > 0)) return;
    chart.dataset.screen = parseFloat(inside.style.width);
    // Plotly's own, which Streamlit loads with its first chart; without it the chart is shrunk as it is.
    window.Plotly?.relayout(chart, { width: SHEET });
    const width = parseFloat(inside.style.width), height = parseFloat(inside.style.height);
    inside.style.setProperty("--wide", `${width}px`);
    inside.style.setProperty("--shape", `${width} / ${height}`);
    chart.querySelectorAll(".main-svg").forEach((layer) => layer.setAttribute("viewBox", `0 0 ${width} ${height}`));
  });
}

function restore() {
  document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== EDGE);
  document.documentElement.removeAttribute("data-dark");
  document.querySelectorAll(TABLES).forEach((table) => { table.style.zoom = ""; });
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
