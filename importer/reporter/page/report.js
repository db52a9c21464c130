// The table of all rows: DataTables on data that stand in this file. No text of a row ever becomes markup.
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const facts = read("facts");
const records = read("data");
const [SHEET, ROW, PART, KIND, STATUS, ID, CELL, REASON, HINT, CELLS] = Array.from({ length: 10 }, (_, index) => index);
const several = facts.sheets.length > 1;

// What cannot be seen, or changes the direction of what follows, is shown as an escape.
const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
const escapeUnseen = (char) => "\\u" + char.charCodeAt(0).toString(16).padStart(4, "0");
const plain = (text) => String(text).replace(unseen, escapeUnseen);
const markup = (text) => plain(text).replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

const place = (record) => `${several ? facts.sheets[record[SHEET]].name + " " : ""}${record[ROW]}${record[PART] ? " (" + record[PART] + ")" : ""}`;
const content = (record) => record[CELLS].filter((text) => text.trim()).join(" · ");

// DataTables decodes entities in what it searches, and takes what it displays as markup: both get escaped text.
const column = (title, name, value, more = {}) => ({
  title,
  className: name,
  type: "string",
  data: null,
  render: (_, use, record) => (use === "sort" || use === "type" ? value(record) : markup(value(record))),
  ...more,
});
const order = (record) => record[SHEET] * 1e9 + record[ROW] + Number((record[PART] || "0").split("/")[0]) / 1e4;
const badge = (record) => `<span class="status ${facts.tones[record[STATUS]] ?? ""}">${markup(record[STATUS])}</span>`;

const columns = [
  column("Row", "row", place, {
    type: "num",
    render: (_, use, record) => (use === "sort" || use === "type" ? order(record) : markup(place(record))),
  }),
  column("Status", "outcome", (record) => record[STATUS], {
    render: (_, use, record) => (use === "display" ? badge(record) : record[STATUS]),
  }),
  column("Kind", "kind", (record) => record[KIND]),
  column("Id", "id", (record) => record[ID]),
  column("Cell", "cell", (record) => record[CELL]),
  column("Reason", "reason", (record) => record[REASON]),
  column("What to do", "hint", (record) => record[HINT]),
  column("In the source", "content", content),
];

const table = new DataTable("#records", {
  data: records,
  columns,
  order: [],
  deferRender: true,
  autoWidth: false,
  processing: false,
  pageLength: 50,
  lengthMenu: [25, 50, 100, 500],
  layout: { topStart: "search", topEnd: "pageLength", bottomStart: "info", bottomEnd: "paging" },
  language: {
    search: "Search",
    lengthMenu: "_MENU_ rows a page",
    info: "Rows _START_ to _END_ of _TOTAL_",
    infoEmpty: "No row",
    infoFiltered: "(of _MAX_ in this file)",
    emptyTable: "There are no rows",
    zeroRecords: "No row matches",
  },
  createdRow: (line) => {
    // Roles in so many words: on a narrow screen the lines are laid out as cards, and would lose them.
    line.setAttribute("role", "row");
    [...line.cells].forEach((cell, index) => {
      cell.setAttribute("role", "cell");
      cell.dataset.label = columns[index].title;
    });
  },
});
document.getElementById("records").setAttribute("role", "table");

// ---- filter by status
const filter = document.getElementById("filter");
const boxes = [...filter.querySelectorAll("input")];
const wanted = new Set();
const counts = new Map();
for (const record of records) counts.set(record[STATUS], (counts.get(record[STATUS]) ?? 0) + 1);
for (const span of filter.querySelectorAll("[data-count]")) span.textContent = (counts.get(span.dataset.count) ?? 0).toLocaleString("en");

const choose = (statuses) => {
  wanted.clear();
  for (const status of statuses) wanted.add(status);
  for (const box of boxes) box.checked = wanted.has(box.value);
  table.draw();
};
table.search.fixed("status", (_, record) => wanted.size === 0 || wanted.has(record[STATUS]));
filter.addEventListener("change", () => choose(boxes.filter((box) => box.checked).map((box) => box.value)));
const attend = () => choose(facts.attention.filter((status) => counts.has(status)));
document.getElementById("attention").addEventListener("click", attend);
document.getElementById("look")?.addEventListener("click", attend);
document.getElementById("everything").addEventListener("click", () => choose([]));
filter.hidden = false;

// ---- on paper: more than a page of the table, and how much of it there is
const MOST_PRINTED = 1000;
const printed = document.getElementById("printed");
let length = table.page.len();
addEventListener("beforeprint", () => {
  length = table.page.len();
  for (const part of document.querySelectorAll("details.schedule")) part.open = true;
  const { recordsDisplay, recordsTotal } = table.page.info();
  table.page.len(MOST_PRINTED).draw();
  printed.textContent = `Printed: ${Math.min(recordsDisplay, MOST_PRINTED)} of ${recordsTotal} rows.`;
  printed.hidden = false;
});
addEventListener("afterprint", () => {
  printed.hidden = true;
  table.page.len(length).draw();
});
