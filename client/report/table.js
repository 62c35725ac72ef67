// Tables: sorted by a click on a head, searched by text, rows made when they are scrolled to.

const ROWS_AT_ONCE = 60;
const ROWS_IN_PRINT = 200;
const TEXT_WIDTH = 28; // in digits

function compare(first, second) {
  if (first === second) return 0;
  if (typeof first === "number" && typeof second === "number") return first - second;
  return String(first).localeCompare(String(second), "en", { numeric: true });
}

function tableSection(section) {
  const { columns, rows, tags } = section;
  const everything = rows.map((_, index) => index);
  const state = { column: section.sort, descending: section.sort !== null, text: "", tag: null };
  let order = everything;
  let made = 0;

  const body = h("tbody");
  const count = h("span", { class: "muted", role: "status" });
  const chip = h("button", { class: "chip", type: "button", hidden: true, onclick: () => choose({ tag: null }) });
  const heads = columns.map((column, index) =>
    h("th", { scope: "col", class: column.kind, title: column.hint || null },
      h("button", { type: "button", onclick: () => sortBy(index) }, column.label)));
  const scroller = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": section.title },
    h("table", { id: section.id || null }, h("thead", null, h("tr", null, heads)), body));

  function sortBy(column) {
    const again = state.column === column;
    choose({ column, descending: again ? !state.descending : columns[column].kind === "number" });
  }

  function choose(change) {
    Object.assign(state, change);
    const text = state.text.toLowerCase();
    const texts = columns.flatMap((column, index) => (column.kind === "number" ? [] : [index]));
    order = everything.filter((index) =>
      (state.tag === null || tags[index].includes(state.tag)) &&
      (!text || texts.some((column) => String(rows[index][column] ?? "").toLowerCase().includes(text))));
    if (state.column !== null) {
      const value = (index) => rows[index][state.column];
      const sign = state.descending ? -1 : 1;
      order.sort((a, b) =>
        (value(a) === null) - (value(b) === null) || sign * compare(value(a), value(b)) || a - b);
    }
    heads.forEach((head, index) => {
      const sorted = state.descending ? "descending" : "ascending";
      head.setAttribute("aria-sort", index === state.column ? sorted : "none");
    });
    body.replaceChildren();
    made = 0;
    scroller.scrollTop = 0;
    chip.hidden = state.tag === null;
    count.textContent = order.length === rows.length
      ? plural(rows.length, "row")
      : `${shown(order.length, 0)} of ${plural(rows.length, "row")}`;
    makeRows(ROWS_AT_ONCE);
  }

  function makeRows(upTo) {
    const next = order.slice(made, Math.max(upTo, made));
    body.append(...next.map((index) => h("tr", null, rows[index].map((value, c) => cell(value, columns[c], index)))));
    made += next.length;
  }

  function makeMore() {
    const left = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
    if (left < 600 && made < order.length) makeRows(made + ROWS_AT_ONCE);
  }

  scroller.addEventListener("scroll", makeMore, { passive: true });
  window.addEventListener("beforeprint", () => {
    makeRows(ROWS_IN_PRINT);
    if (made < order.length) count.textContent = `the first ${shown(made, 0)} of ${plural(order.length, "row")}`;
  });
  hear("filter", ({ table, tag, label }) => {
    if (!section.id || table !== section.id) return;
    chip.replaceChildren(label, " ✕");
    chip.setAttribute("aria-label", `${label}: show all rows again`);
    choose({ tag });
    scroller.closest("section").scrollIntoView({ behavior: "smooth" });
    scroller.focus({ preventScroll: true });
  });
  choose({});
  const search = section.search && h("input", {
    type: "search", placeholder: "search", "aria-label": `search ${section.title}`,
    oninput: (event) => choose({ text: event.target.value }),
  });
  const tools = section.search || tags || rows.length > ROWS_AT_ONCE;
  return [tools ? h("div", { class: "tools" }, search || null, chip, count) : null, scroller];
}

// Texts break anywhere, so columns of numbers would squeeze them to a letter a line.
function keepReadable(element, value) {
  element.style.minWidth = `${Math.min(String(value ?? "").length + 3, TEXT_WIDTH)}ch`;
  return element;
}

function cell(value, column, index) {
  if (column.kind === "image" && pictures.has(value)) {
    return keepReadable(h("td", { class: "image" },
      h("button", { type: "button", class: "link", onclick: () => tell("open", value) }, value)), value);
  }
  const text = shown(value, column.digits, column.most_digits);
  const element = h("td", { class: column.kind },
    column.open ? h("button", { type: "button", class: "link", onclick: () => column.open(index) }, text) : text);
  if (column.kind !== "number") keepReadable(element, value);
  if (column.bar && typeof value === "number") {
    element.classList.add("bar");
    element.style.setProperty("--share", String(Math.max(0, Math.min(1, value / column.bar))));
  }
  return element;
}
