// The heat table: rows are what objects are, columns what the model says.

function matrixSection(section) {
  const { labels, counts } = section;
  const background = labels.length - 1;
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const rowSums = counts.map(sum);
  const columnSums = labels.map((_, column) => sum(counts.map((row) => row[column])));
  // What is nothing in truth has no number of its own: false alarms are shares of what was said.
  const shareOf = (value, row, column) => value / ((row === background ? columnSums[column] : rowSums[row]) || 1);
  let asShare = false;
  const cells = [];

  function one(value, row, column) {
    const right = row === column;
    const share = shareOf(value, row, column);
    const title = `${section.row_name} ${labels[row]}, ${section.column_name} ${labels[column]}: ${shown(value, 0)}`;
    const content = value && section.filters
      ? h("button", {
        type: "button", class: "link", title,
        onclick: () => tell("filter", {
          table: section.filters, tag: row * labels.length + column, label: `${labels[row]} → ${labels[column]}`,
        }),
      }) : h("span", { title });
    const element = h("td", { class: right ? "right" : "wrong" }, content);
    // Few of many are to be seen as well where they are wrong.
    if (value) element.style.setProperty("--share", `${Math.round(8 + 82 * (right ? share : Math.sqrt(share)))}%`);
    cells.push({ content, value, share, empty: row === background && column === background });
    return element;
  }

  function write() {
    for (const { content, value, share, empty } of cells) {
      if (empty) content.textContent = "";
      else if (!value) content.textContent = "·";
      else content.textContent = asShare ? `${shown(100 * share, share < 0.1 ? 1 : 0)} %` : shown(value, 0);
    }
  }

  const head = h("tr", { class: labels.length > 7 ? "upright" : null },
    h("td", { class: "corner" }, `${section.row_name} ↓  ${section.column_name} →`),
    labels.map((label) => h("th", { scope: "col" }, h("span", null, label))));
  const rows = counts.map((row, index) => h("tr", null,
    h("th", { scope: "row" }, labels[index]), row.map((value, column) => one(value, index, column))));
  write();
  const toggle = h("label", null, h("input", {
    type: "checkbox",
    onchange: (event) => {
      asShare = event.target.checked;
      write();
    },
  }), ` shares of the row; in the last row, of the column`);
  return [h("div", { class: "tools" }, toggle),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": section.title },
      h("table", { class: labels.length > 16 ? "matrix small" : "matrix" }, h("thead", null, head), h("tbody", null, rows)))];
}
