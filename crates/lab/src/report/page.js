"use strict";
// Draws the plots of the page from the JSON beside it. Colours come from the page's style, times are stored once.
(() => {
  const data = JSON.parse(document.getElementById("plots").textContent);
  const places = [...document.querySelectorAll(".plot")];
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const touch = matchMedia("(pointer: coarse)").matches;
  const drawn = new Set();
  const times = Object.values(data.arrays).flat();
  const whole = times.length ? [times.reduce((a, b) => Math.min(a, b)), times.reduce((a, b) => Math.max(a, b))] : [0, 1];
  const focus = data.focus[1] > data.focus[0] ? data.focus : whole;
  let range = focus;

  const colour = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();

  // "@name" is a colour, ["@name"] an array of times.
  function resolve(value) {
    if (typeof value === "string") return value.startsWith("@") ? colour(value.slice(1)) : value;
    if (Array.isArray(value)) {
      const only = value.length === 1 && typeof value[0] === "string" && value[0].startsWith("@");
      if (only) return data.arrays[value[0].slice(1)] || [];
      return value.length && typeof value[0] === "object" && value[0] !== null ? value.map(resolve) : value;
    }
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolve(inner)]));
    }
    return value;
  }

  function layout(figure, place) {
    const own = resolve(figure.plot.layout || {});
    const line = { gridcolor: colour("grid"), linecolor: colour("rule"), zerolinecolor: colour("rule"), tickcolor: colour("rule"), automargin: true };
    const time = {
      type: "date", tickformat: "%H:%M\n%e %b %Y", hoverformat: "%e %b %Y %H:%M:%S UTC", showgrid: false, showline: true,
      range: range.slice(), ticks: "outside", ticklen: 4, nticks: innerWidth < 620 ? 5 : 9,
    };
    return {
      ...own,
      showlegend: false,
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("soft") },
      margin: { l: place.clientWidth > 800 ? 92 : 52, r: 8, t: 8, b: 40 }, // wide plots stand under each other
      bargap: figure.timed ? 0.15 : 0.25, bargroupgap: 0.05,
      hovermode: own.yaxis && own.yaxis.tickvals ? "closest" : "x unified",
      hoverlabel: { namelength: -1, bgcolor: colour("card"), bordercolor: colour("rule"), font: { color: colour("ink"), size: 12 } },
      dragmode: touch ? false : "zoom",
      xaxis: { ...line, ...(figure.timed ? time : { showgrid: false, showline: true, type: "category" }) },
      yaxis: { ...line, separatethousands: true, nticks: 6, fixedrange: true, ...(own.yaxis || {}) },
      ...(own.yaxis2 && { yaxis2: { ...line, separatethousands: true, nticks: 4, fixedrange: true, ...own.yaxis2 } }),
    };
  }

  function draw(at) {
    const figure = data.figures[at];
    drawn.add(at);
    const config = { displayModeBar: false, responsive: true, doubleClick: false };
    return Plotly.react(places[at], resolve(figure.plot.data), layout(figure, places[at]), config);
  }

  // All plots over time show the same stretch.
  let zooming = false;
  function zoom(next) {
    range = next;
    zooming = true;
    const timed = [...drawn].filter((at) => data.figures[at].timed);
    const changed = timed.map((at) => Plotly.relayout(places[at], { "xaxis.range": range.slice() }));
    Promise.all(changed).finally(() => { zooming = false; });
    for (const button of document.querySelectorAll("[data-zoom]")) {
      button.setAttribute("aria-pressed", String(range === stretch(button)));
    }
  }
  const stretch = (button) => (button.dataset.zoom === "focus" ? focus : whole);
  for (const button of document.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => zoom(stretch(button)));
  }

  function listen(at) {
    if (!data.figures[at].timed) return;
    places[at].on("plotly_relayout", (change) => {
      if (!zooming && change["xaxis.range[0]"] !== undefined) zoom([change["xaxis.range[0]"], change["xaxis.range[1]"]]);
    });
    places[at].on("plotly_doubleclick", () => zoom(focus));
  }

  // A plot is drawn when it comes near the screen, so that the page opens fast.
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((entry) => entry.isIntersecting)) {
      near.unobserve(entry.target);
      const at = places.indexOf(entry.target);
      if (!drawn.has(at)) draw(at).then(() => listen(at));
    }
  }, { rootMargin: "600px" });
  places.forEach((place) => near.observe(place));

  const redraw = () => drawn.forEach((at) => draw(at));
  dark.addEventListener("change", redraw);
  addEventListener("beforeprint", () => {
    root.dataset.theme = "light";
    places.forEach((_, at) => draw(at));
  });
  addEventListener("afterprint", () => {
    delete root.dataset.theme;
    redraw();
  });
})();
