// Lines and histograms as SVG.

const WIDTH = 520, HEIGHT = 360;
const MARGIN = { left: 46, right: 20, top: 12, bottom: 40 };
const FEW = 8; // so many lines have a colour each; of more, one is chosen
const MANY = 100; // so many are drawn at once; of more, those that are chosen

const across = (share) => MARGIN.left + share * (WIDTH - MARGIN.left - MARGIN.right);
const up = (share) => HEIGHT - MARGIN.bottom - share * (HEIGHT - MARGIN.top - MARGIN.bottom);

function axes(xLabel, yLabel, xTicks, yTicks) {
  const [left, right, bottom, top] = [across(0), across(1), up(0), up(1)];
  return svg("g", { class: "axes" },
    yTicks.map(([share, text]) => [
      svg("line", { x1: left, x2: right, y1: up(share), y2: up(share) }),
      svg("text", { x: left - 8, y: up(share) + 4, "text-anchor": "end" }, text)]),
    xTicks.map(([share, text]) =>
      svg("text", { x: across(share), y: bottom + 18, "text-anchor": "middle" }, text)),
    svg("text", { x: (left + right) / 2, y: HEIGHT - 4, "text-anchor": "middle", class: "name" }, xLabel),
    svg("text", { transform: `translate(11 ${(top + bottom) / 2}) rotate(-90)`, "text-anchor": "middle", class: "name" }, yLabel));
}

const tenths = [0, 0.2, 0.4, 0.6, 0.8, 1].map((share) => [share, share.toFixed(1)]);

function linePath(xs, ys) {
  let path = "", pen = "M";
  ys.forEach((y, index) => {
    if (y === null) pen = "M";
    else {
      path += `${pen}${across(xs[index]).toFixed(1)} ${up(y).toFixed(1)}`;
      pen = "L";
    }
  });
  return path;
}

function plotsSection(section) {
  const names = [...new Set(section.plots.flatMap((plot) => plot.series.map((series) => series.name)))];
  const others = names.filter((name) => name !== section.main);
  const colour = (name) => {
    if (name === section.main) return "main";
    return others.length > FEW ? "many" : `line${others.indexOf(name)}`;
  };
  const drawings = section.plots.map((plot) => onePlot(plot, section.main, colour));
  const views = [...new Set(section.plots.map((plot) => plot.view))];

  function choose(name) {
    for (const drawing of drawings) drawing.choose(name);
    for (const chip of chips) chip.setAttribute("aria-pressed", String(chip.value === name));
  }

  function look(view) {
    drawings.forEach(({ element }, index) => { element.hidden = section.plots[index].view !== view; });
    for (const tab of tabs) tab.setAttribute("aria-pressed", String(tab.value === view));
  }

  const tabs = views.map((view) => h("button", {
    type: "button", class: "tab", value: view, onclick: () => look(view),
  }, view));
  look(views[0]);
  const chips = others.length > FEW ? [] : names.map((name) => h("button", {
    type: "button", class: `chip legend ${colour(name)}`, value: name, "aria-pressed": "false",
    onclick: (event) => choose(event.currentTarget.getAttribute("aria-pressed") === "true" ? "" : name),
  }, name));
  const select = others.length > FEW && h("label", null, "highlight ",
    h("select", { onchange: (event) => choose(event.target.value) },
      h("option", { value: "" }, NOTHING), names.map((name) => h("option", { value: name }, name))));
  return [
    names.length > 1 || tabs.length > 1 ? h("div", { class: "tools" },
      tabs.length > 1 ? h("div", { class: "tabs", role: "group", "aria-label": `${section.title} of` }, tabs) : null,
      names.length > 1 ? [chips, select || null] : null) : null,
    h("div", { class: "plots" }, drawings.map((drawing) => drawing.element)),
  ];
}

function onePlot(plot, main, colour) {
  const series = new Map(plot.series.map((one) => [one.name, one]));
  const lines = new Map();
  function line(name) {
    const { y, point } = series.get(name);
    if (!lines.has(name)) {
      lines.set(name, svg("g", { class: `line ${colour(name)}` },
        svg("path", { d: linePath(plot.x, y) }),
        point && svg("circle", { cx: across(point[0]), cy: up(point[1]), r: 4.5 })));
    }
    return lines.get(name);
  }
  const readout = h("span", { class: "readout" });
  const guide = svg("line", { class: "guide", y1: up(0), y2: up(1), visibility: "hidden" });
  const picture = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": plot.title,
    onpointermove: read, onpointerleave: () => { guide.setAttribute("visibility", "hidden"); readout.textContent = ""; },
  }, axes(plot.x_label, plot.y_label, tenths, tenths), guide,
  // What stands out is drawn last, over the others.
  series.size > MANY ? null : [...series.keys()].filter((name) => name !== main).map(line), series.has(main) ? line(main) : null);
  let chosen = "";

  function read(event) {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM().inverse());
    const [x, y] = [(point.x - across(0)) / (across(1) - across(0)), (point.y - up(0)) / (up(1) - up(0))];
    const at = plot.x.reduce((best, value, index) => (Math.abs(value - x) < Math.abs(plot.x[best] - x) ? index : best), 0);
    const near = plot.series.filter((series) => series.y[at] !== null && (!chosen || series.name === chosen))
      .sort((a, b) => Math.abs(a.y[at] - y) - Math.abs(b.y[at] - y))[0];
    if (!near) return;
    guide.setAttribute("x1", across(plot.x[at]));
    guide.setAttribute("x2", across(plot.x[at]));
    guide.setAttribute("visibility", "visible");
    readout.textContent = `${near.name}: ${plot.x_label} ${shown(plot.x[at], 2)}, ${plot.y_label} ${shown(near.y[at], 3)}`;
  }

  function choose(name) {
    chosen = series.has(name) ? name : "";
    picture.classList.toggle("choosing", Boolean(chosen));
    if (chosen) picture.append(line(chosen));
    for (const [one, drawn] of lines) drawn.classList.toggle("chosen", one === chosen);
  }

  return { element: h("figure", null, h("figcaption", null, plot.title, readout), picture), choose };
}

// Round numbers from low to high, five or so.
function roundTicks(low, high) {
  const rough = (high - low) / 5 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough);
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + step / 1e6; tick += step) ticks.push(tick);
  return ticks;
}

function histogram(section, title = "") {
  const { edges, counts, marks } = section;
  const [low, high] = [edges[0], edges[edges.length - 1]];
  const most = Math.max(...counts, 1);
  const share = (value) => (value - low) / (high - low || 1);
  const text = (value) => shown(value, section.digits);
  const bars = counts.map((count, index) => {
    const x = across(share(edges[index]));
    return svg("rect", {
      x, y: up(count / most), width: Math.max(0, across(share(edges[index + 1])) - x - 1), height: up(0) - up(count / most),
    }, svg("title", null, `${text(edges[index])} to ${text(edges[index + 1])} ${section.unit}: ${shown(count, 0)}`));
  });
  const lines = marks.filter(([value]) => value <= high).map(([value, name], index) => {
    const [x, atRight] = [across(share(value)), share(value) > 0.75];
    return svg("g", { class: "mark" }, svg("line", { x1: x, x2: x, y1: up(0), y2: up(1) }),
      svg("text", { x: x + (atRight ? -4 : 4), y: up(1) + 11 + 14 * index, "text-anchor": atRight ? "end" : "start" }, `${name} ${text(value)}`));
  });
  return h("figure", null, title && h("figcaption", null, title),
    svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": section.label, class: "histogram" },
      axes(section.unit, section.what, roundTicks(low, high).map((tick) => [share(tick), text(tick)]),
        roundTicks(0, most).filter(Number.isInteger).map((tick) => [tick / most, shown(tick, 0)])),
      bars, lines));
}
