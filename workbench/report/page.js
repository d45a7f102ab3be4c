"use strict";
// The page's own behaviour: charts, the wipe, and the copy buttons. Everything it needs is in the page.
(() => {
  const PRINT_WIDTH = 690; // CSS pixels: A4 and Letter between the margins of the style sheet
  const root = document.documentElement;
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const plots = [...document.querySelectorAll("[data-chart]")];
  // Nothing leaves the page: without a server, and without the button that would upload a chart to one.
  const quiet = { plotlyServerURL: "", modeBarButtonsToRemove: ["sendChartToCloud", "select2d", "lasso2d"] };
  const config = { responsive: true, displaylogo: false, displayModeBar: "hover", ...quiet };

  // Once what is visible in each chart is drawn, the page says so: a test waits for it.
  const drawn = plots.map((plot) => {
    const chart = charts[plot.dataset.chart];
    return Plotly.newPlot(plot, chart.data, chart.layout, config);
  });
  Promise.all(drawn).then(
    () => { root.dataset.charts = "drawn"; },
    (error) => { root.dataset.charts = `failed: ${error}`; },
  );

  // Paper is narrower than most windows, and a chart does not shrink by itself.
  const resized = (width) => {
    for (const plot of plots) Plotly.relayout(plot, width ? { width, autosize: false } : { width: null, autosize: true });
  };
  window.addEventListener("beforeprint", () => resized(PRINT_WIDTH));
  window.addEventListener("afterprint", () => resized(null));

  for (const box of document.querySelectorAll("[data-wipe]")) {
    const wipe = box.querySelector(".wipe");
    const images = { left: wipe.querySelector(".over"), right: wipe.querySelector(".under") };
    const shots = box.parentElement.querySelectorAll("[data-shot]");
    wipe.querySelector("input").addEventListener("input", (event) => {
      wipe.style.setProperty("--at", `${event.target.value}%`);
    });
    for (const select of box.querySelectorAll("[data-side]")) {
      select.addEventListener("change", () => {
        const shot = shots[Number(select.value)];
        images[select.dataset.side].src = shot.src;
        images[select.dataset.side].alt = shot.alt;
      });
    }
  }

  for (const button of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) continue; // a page opened from a file may have none
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.previousElementSibling.textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }
})();
