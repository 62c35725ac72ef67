// The page: its data become sections, and a list of them.

const DRAWN_BY = {
  figures: (section) => [h("div", { class: "figures" }, section.figures.map(({ value, label, hint }) =>
    h("div", { class: "figure" }, h("b", null, value), h("span", null, label), h("span", { class: "muted" }, hint))))],
  notes: (section) => [h("ul", null, section.sentences.map((sentence) => h("li", null, sentence)))],
  text: (section) => [h("dl", null, section.entries.map(([term, text]) => [h("dt", null, term), h("dd", null, text)]))],
  table: tableSection,
  plots: plotsSection,
  histogram: (section) => [h("div", { class: "plots" }, histogram(section))],
  histograms: ({ histograms }) => [h("div", { class: "plots" }, histograms.map((one) => histogram(one, one.title)))],
  matrix: matrixSection,
  gallery: gallerySection,
};

function drawSection(section, index) {
  return h("section", { class: section.kind, id: `section-${index}` },
    section.title && h("h2", null, section.title),
    section.lead && h("p", { class: "lead" }, section.lead),
    DRAWN_BY[section.kind](section));
}

function themeButton() {
  const root = document.documentElement;
  const isDark = () => (root.style.colorScheme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  return h("button", {
    type: "button", class: "chip", "aria-label": "light or dark", onclick: () => { root.style.colorScheme = isDark() ? "light" : "dark"; },
  }, "◐");
}

const page = JSON.parse(document.getElementById("data").textContent);
for (const section of page.sections) {
  if (section.kind === "gallery") for (const picture of section.pictures) pictures.set(picture.name, picture);
}
const links = page.sections.flatMap(({ kind, title }, index) => (title && kind !== "notes" ? [h("a", { href: `#section-${index}` }, title)] : []));
document.body.append(
  h("header", null, h("div", null, h("h1", null, page.title), h("p", { class: "muted" }, page.lead)), themeButton()),
  h("nav", { "aria-label": "sections" }, links),
  h("main", null, page.sections.map(drawSection)));
