// Pictures, each seen once for each panel, and the large view of one of them.

const READABLE = 14; // of so many labels all are shown, of more those of what is wrong; others on pointing

function panel(picture, { label, shapes }, large) {
  return h("figure", { class: "panel" },
    h("div", { class: "frame" },
      h("img", { src: picture.src, alt: "", width: picture.width, height: picture.height, loading: large ? null : "lazy" }),
      svg("svg", { viewBox: `0 0 ${picture.width} ${picture.height}`, role: "img", "aria-label": `${label}: ${plural(shapes.length, "object")}` },
        shapes.map((shape) => drawn(shape, picture, large && (shapes.length <= READABLE || NAMED.includes(shape.look)))))),
    h("figcaption", null, label));
}

const NAMED = ["wrong", "false"];

function drawn({ look, label, box, outline, points }, picture, named) {
  const [x, y, width, height] = box;
  const element = svg("g", { class: `shape ${look}` }, svg("title", null, label),
    outline && svg("path", { d: outline, "fill-rule": "evenodd" }),
    svg("rect", { x, y, width, height, class: outline ? "faint" : null }),
    points.map(([cx, cy]) => svg("circle", { cx, cy, r: 2 })));
  const size = Math.max(8, picture.width / 60);
  element.append(svg("text", {
    x: Math.max(2, x + 1), y: Math.max(size, y - 3), "font-size": size, class: named ? null : "hidden",
  }, label));
  return element;
}

function gallerySection(section) {
  const legend = h("p", { class: "tools" }, section.legend.map(([look, text]) =>
    h("span", { class: `key ${look}` }, text)));
  const items = section.pictures.map((picture) => h("button", {
    type: "button", class: "item", "aria-label": `${picture.name}: ${picture.caption}; open large`, onclick: () => tell("open", picture.name),
  }, h("span", { class: "panels" }, picture.panels.map((one) => panel(picture, one, false))),
  h("span", { class: "caption" }, h("b", null, picture.name), h("span", { class: "muted" }, picture.caption))));
  return [legend, h("div", { class: "gallery" }, items), viewer(section, legend)];
}

function viewer(section, legend) {
  const names = section.pictures.map((picture) => picture.name);
  const content = h("div");
  let at = 0;
  const dialog = h("dialog", { "aria-label": section.title, onkeydown: turn, onclick: (event) => event.target === dialog && dialog.close() },
    h("form", { method: "dialog", class: "tools" },
      h("button", { type: "button", class: "chip", onclick: () => show(at - 1) }, "← before"),
      h("button", { type: "button", class: "chip", onclick: () => show(at + 1) }, "next →"),
      legend.cloneNode(true),
      h("button", { class: "chip close" }, "close")),
    content);

  function show(index) {
    at = (index + names.length) % names.length;
    const picture = section.pictures[at];
    content.replaceChildren(
      h("h3", null, picture.name), h("p", { class: "muted" }, `${picture.caption} · ${at + 1} of ${names.length}`),
      h("div", { class: "panels" }, picture.panels.map((one) => panel(picture, one, true))));
  }

  function turn({ key }) {
    if (key === "ArrowLeft") show(at - 1);
    if (key === "ArrowRight") show(at + 1);
  }

  hear("open", (name) => {
    if (!names.includes(name)) return;
    show(names.indexOf(name));
    dialog.showModal();
  });
  return dialog;
}
