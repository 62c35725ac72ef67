// The heat table: rows are what objects are, columns what the model says.

const WIDEST = 101; // labels; of more, what is empty is left out, and of still more the rest is listed

function matrixSection(section) {
  const { labels, cells } = section;
  const background = labels.length - 1;
  const rowSums = labels.map(() => 0);
  const columnSums = labels.map(() => 0);
  for (const [row, column, count] of cells) {
    rowSums[row] += count;
    columnSums[column] += count;
  }
  const matrix = {
    ...section,
    background,
    // What is nothing in truth has no number of its own: false alarms are shares of what was said.
    shareOf: (count, row, column) => count / ((row === background ? columnSums[column] : rowSums[row]) || 1),
    open: (row, column) => tell("filter", {
      table: section.filters, tag: row * labels.length + column, label: `${labels[row]} → ${labels[column]}`,
    }),
  };
  const everything = [...labels.keys()];
  if (labels.length <= WIDEST) return heatTable(matrix, everything);
  const kept = everything.filter((one) => rowSums[one] || columnSums[one] || one === background);
  if (kept.length > WIDEST) return listedCells(matrix);
  const left = `${plural(labels.length - kept.length, "class", "classes")} without any are left out`;
  return [h("p", { class: "muted" }, `${left}.`), heatTable(matrix, kept)];
}

function heatTable(matrix, kept) {
  const { labels, row_name: rowName, column_name: columnName, background } = matrix;
  const counts = new Map(matrix.cells.map(([row, column, count]) => [row * labels.length + column, count]));
  let asShare = false;
  const written = [];

  function one(row, column) {
    const count = counts.get(row * labels.length + column) || 0;
    const title = `${rowName} ${labels[row]}, ${columnName} ${labels[column]}: ${shown(count, 0)}`;
    const right = row === column;
    const kind = right ? "right" : "wrong";
    if (!count) return h("td", { class: `${kind} none`, title }, row === background && right ? "" : "·");
    const share = matrix.shareOf(count, row, column);
    const content = matrix.filters
      ? h("button", { type: "button", class: "link", title, onclick: () => matrix.open(row, column) })
      : h("span", { title });
    const element = h("td", { class: kind }, content);
    // Few of many are to be seen as well where they are wrong.
    element.style.setProperty("--share", `${Math.round(8 + 82 * (right ? share : Math.sqrt(share)))}%`);
    written.push({ content, count, share });
    return element;
  }

  function write() {
    for (const { content, count, share } of written) {
      content.textContent = asShare ? `${shown(100 * share, share < 0.1 ? 1 : 0)} %` : shown(count, 0);
    }
  }

  const head = h("tr", { class: kept.length > 7 ? "upright" : null },
    h("td", { class: "corner" }, `${rowName} ↓  ${columnName} →`),
    kept.map((column) => h("th", { scope: "col" }, h("span", null, labels[column]))));
  const rows = kept.map((row) => h("tr", null,
    h("th", { scope: "row" }, labels[row]), kept.map((column) => one(row, column))));
  write();
  const toggle = h("label", null, h("input", {
    type: "checkbox",
    onchange: (event) => {
      asShare = event.target.checked;
      write();
    },
  }), ` shares of the row; in the last row, of the column`);
  return [h("div", { class: "tools" }, toggle),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": matrix.title },
      h("table", { class: kept.length > 16 ? "matrix small" : "matrix" }, h("thead", null, head), h("tbody", null, rows)))];
}

function listedCells(matrix) {
  const { labels, row_name: rowName, column_name: columnName } = matrix;
  const wrong = matrix.cells.filter(([row, column]) => row !== column);
  const open = matrix.filters && ((index) => matrix.open(wrong[index][0], wrong[index][1]));
  return [h("p", { class: "muted" }, `${plural(labels.length, "row")} and columns are too many to be seen: what is not the same in both is listed.`),
    tableSection({
      title: matrix.title,
      columns: [
        { label: rowName, kind: "text" },
        { label: columnName, kind: "text" },
        { label: "count", kind: "number", digits: 0, open },
        { label: "% of the row", kind: "number", digits: 1, bar: 100, hint: `of ${labels[matrix.background]}, of the column` },
      ],
      rows: wrong.map(([row, column, count]) => [labels[row], labels[column], count, 100 * matrix.shareOf(count, row, column)]),
      search: true,
      sort: 2,
    })];
}
