// The table of all rows, from data that stand in this file. Every text becomes a text node: none is ever markup.
const find = (id) => document.getElementById(id);
const facts = JSON.parse(find("facts").textContent);
const records = JSON.parse(find("data").textContent);
const [SHEET, ROW, PART, KIND, STATUS, ID, CELL, REASON, HINT, CELLS] = Array.from({ length: 10 }, (_, index) => index);
const several = new Set(facts.sheets.map(({ name }) => name)).size > 1;
const bad = new Set(facts.attention);

// What cannot be seen, or changes the direction of what follows, is shown as an escape.
const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
const escapeUnseen = (char) => "\\u" + char.charCodeAt(0).toString(16).padStart(4, "0");
const plain = (text) => String(text).replace(unseen, escapeUnseen);

const place = (record) => `${several ? facts.sheets[record[SHEET]].name + " " : ""}${record[ROW]}${record[PART] ? " (" + record[PART] + ")" : ""}`;
const columns = [
  ["Row", "row", place],
  ["Status", "outcome", (record) => record[STATUS]],
  ["Kind", "kind", (record) => record[KIND]],
  ["Id", "id", (record) => record[ID]],
  ["Cell", "cell", (record) => record[CELL]],
  ["Reason", "reason", (record) => record[REASON]],
  ["What to do", "hint", (record) => record[HINT]],
  ["In the source", "content", (record) => record[CELLS].filter((text) => text.trim()).join(" · ")],
].map(([title, name, text]) => ({ title, name, text: (record) => plain(text(record)) }));

// ---- which rows are shown, and in which order: first those that need attention, each in the order of the source
const order = new Map(records.map((record, index) => [record, index]));
const wanted = new Set();
const words = new Map();
let query = [];
let sorting = { column: null, sign: 1 };
let page = 0;
let length = 50;
let shown = [];

const said = (record) => {
  if (!words.has(record)) words.set(record, columns.map((column) => column.text(record)).join("\n").toLowerCase());
  return words.get(record);
};
const compare = ({ column, sign }) => {
  if (!column) return (one, other) => bad.has(other[STATUS]) - bad.has(one[STATUS]) || order.get(one) - order.get(other);
  if (column.name === "row") return (one, other) => sign * (order.get(one) - order.get(other));
  return (one, other) => {
    const [left, right] = [column.text(one), column.text(other)];
    return sign * (left < right ? -1 : left > right) || order.get(one) - order.get(other);
  };
};
const number = (count) => count.toLocaleString("en");
const element = (name, text, className = "") => {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(text);
  return made;
};

const body = document.createElement("tbody");
const draw = () => {
  const pages = Math.max(1, Math.ceil(shown.length / length));
  page = Math.min(Math.max(page, 0), pages - 1);
  const first = page * length;
  const lines = shown.slice(first, first + length).map((record) => {
    const line = document.createElement("tr");
    line.setAttribute("role", "row"); // in so many words: on a narrow screen the lines are cards, and would lose it
    for (const column of columns) {
      const text = column.text(record);
      const badge = column.name === "outcome" && element("span", text, `status ${facts.tones[record[STATUS]] ?? ""}`);
      const cell = element("td", badge || text, column.name);
      cell.setAttribute("role", "cell");
      cell.dataset.label = column.title;
      line.append(cell);
    }
    return line;
  });
  body.replaceChildren(...lines);
  const range = shown.length ? `Rows ${number(first + 1)} to ${number(first + lines.length)} of ${number(shown.length)}` : "No row";
  find("info").textContent = range + (shown.length < records.length ? ` (of ${number(records.length)} in this file)` : "");
  find("page").textContent = `Page ${number(page + 1)} of ${number(pages)}`;
  find("previous").disabled = page === 0;
  find("next").disabled = page === pages - 1;
  find("paging").hidden = pages === 1;
  find("export").textContent = shown.length < records.length ? `Save these ${number(shown.length)} rows (CSV)` : "Save all rows (CSV)";
};
const select = () => {
  shown = records.filter((record) => (!wanted.size || wanted.has(record[STATUS])) && (!query.length || query.every((word) => said(record).includes(word))));
  shown.sort(compare(sorting));
  page = 0;
  draw();
};

// ---- the header: each column sorts, up, down, and back to the first order
const head = element("thead", document.createElement("tr"));
for (const column of columns) {
  const button = element("button", column.title);
  button.type = "button";
  const cell = element("th", button, column.name);
  cell.scope = "col";
  head.firstChild.append(cell);
  button.addEventListener("click", () => {
    const isSame = sorting.column === column;
    sorting = isSame && sorting.sign < 0 ? { column: null, sign: 1 } : { column, sign: isSame ? -1 : 1 };
    for (const other of head.querySelectorAll("th")) other.removeAttribute("aria-sort");
    if (sorting.column) cell.setAttribute("aria-sort", sorting.sign > 0 ? "ascending" : "descending");
    select();
  });
}
find("records").append(head, body);
find("records").setAttribute("role", "table");

// ---- filter, search and pages
const filter = find("filter");
const boxes = [...filter.querySelectorAll("input")];
const counts = new Map();
for (const record of records) counts.set(record[STATUS], (counts.get(record[STATUS]) ?? 0) + 1);
for (const span of filter.querySelectorAll("[data-count]")) span.textContent = number(counts.get(span.dataset.count) ?? 0);
const choose = (statuses) => {
  wanted.clear();
  for (const status of statuses) wanted.add(status);
  for (const box of boxes) box.checked = wanted.has(box.value);
  select();
};
const attend = () => choose(facts.attention.filter((status) => counts.has(status)));
filter.addEventListener("change", () => choose(boxes.filter((box) => box.checked).map((box) => box.value)));
find("attention").addEventListener("click", attend);
find("look")?.addEventListener("click", attend);
find("everything").addEventListener("click", () => choose([]));
find("search").addEventListener("input", (event) => {
  query = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  select();
});
find("length").addEventListener("change", (event) => {
  length = Number(event.target.value);
  draw();
});
find("previous").addEventListener("click", () => draw(page--));
find("next").addEventListener("click", () => draw(page++));

// ---- the rows on show as a CSV: what a spreadsheet would run as a formula gets an apostrophe, as in report.csv
const formula = /^'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;
const field = (text) => {
  const guarded = formula.test(text) ? `'${text}` : text;
  return /[",;\r\n\t]|^\s|\s$/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
};
const csv = () => {
  const own = []; // headers of all sheets, one that a sheet has twice twice
  const places = facts.sheets.map(({ header }) => {
    const taken = new Set();
    return header.map((text) => {
      let at = own.findIndex((one, index) => one === text && !taken.has(index));
      if (at < 0) at = own.push(text) - 1;
      taken.add(at);
      return at;
    });
  });
  const lines = shown.map((record) => {
    const cells = Array(own.length).fill("");
    record[CELLS].forEach((text, index) => (cells[places[record[SHEET]][index]] = text));
    return [facts.sheets[record[SHEET]].name, ...record.slice(ROW, CELLS).map(String), ...cells];
  });
  const header = ["Sheet", "Row", "Part", "Kind", "Status", "Id", "Cell", "Reason", "What to do", ...own];
  return "\ufeff" + [header, ...lines].map((line) => line.map(field).join(",") + "\r\n").join("");
};
find("export").addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv;charset=utf-8" }));
  link.download = `${facts.run}-rows.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
});

// ---- on paper: more than a page of the table, and how much of it there is
const MOST_PRINTED = 1000;
const printed = find("printed");
let before = { page, length };
addEventListener("beforeprint", () => {
  before = { page, length };
  for (const part of document.querySelectorAll("details.schedule")) part.open = true;
  [page, length] = [0, MOST_PRINTED];
  draw();
  printed.textContent = `Printed: ${number(Math.min(shown.length, MOST_PRINTED))} of ${number(records.length)} rows.`;
  printed.hidden = false;
});
addEventListener("afterprint", () => {
  printed.hidden = true;
  ({ page, length } = before);
  draw();
});

find("tools").hidden = false;
select();
