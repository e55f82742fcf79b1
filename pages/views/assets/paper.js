// A chart is as wide as the screen: on a narrower sheet its right part, the newest, would be cut. It shrinks instead.
// What is drawn pale on a dark screen can't be read on white paper: paper.css writes it in black, and inverts canvases.
const EACH = ".js-plotly-plot .svg-container";
const TABLES = '[data-testid="stDataFrame"]';
const SHEET = 680; // Width in px that an A4 sheet has between margins of 15 mm, the narrowest in use.

export default function () {
  window.addEventListener("beforeprint", shrink);
  window.addEventListener("afterprint", restore);
  return () => {
    window.removeEventListener("beforeprint", shrink);
    window.removeEventListener("afterprint", restore);
  };
}

function shrink() {
  const ink = getComputedStyle(document.querySelector(".stApp")).color.match(/\d+/g).slice(0, 3).map(Number);
  document.documentElement.toggleAttribute("data-dark", Math.min(...ink) > 128);
  document.querySelectorAll(TABLES).forEach((table) => {
    table.style.zoom = Math.min(1, SHEET / table.getBoundingClientRect().width);
  });
  document.querySelectorAll(EACH).forEach((chart) => {
    const width = parseFloat(chart.style.width), height = parseFloat(chart.style.height);
    if (!(width > 0 && height > 0)) return;
    chart.style.setProperty("--wide", `${width}px`);
    chart.style.setProperty("--shape", `${width} / ${height}`);
    chart.querySelectorAll(".main-svg").forEach((layer) => layer.setAttribute("viewBox", `0 0 ${width} ${height}`));
  });
}

function restore() {
  document.documentElement.removeAttribute("data-dark");
  document.querySelectorAll(TABLES).forEach((table) => { table.style.zoom = ""; });
  document.querySelectorAll(EACH).forEach((chart) => {
    chart.style.removeProperty("--wide");
    chart.style.removeProperty("--shape");
    chart.querySelectorAll(".main-svg").forEach((layer) => layer.removeAttribute("viewBox"));
  });
}
