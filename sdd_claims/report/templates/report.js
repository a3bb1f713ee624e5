// Filters and sorts the verdict tables. Without it the page has the same content, in its first order.
const tables = [...document.querySelectorAll("table.verdicts")];
const rows = tables.flatMap((table) => [...table.tBodies[0].rows]);
const form = document.getElementById("filter");
const count = document.getElementById("count");

function filter() {
  const asked = Object.fromEntries(new FormData(form));
  const words = asked.text.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of rows) {
    const data = row.dataset;
    const text = row.textContent.toLowerCase() + " " + data.id;
    row.hidden = !(
      ["paper", "tier", "ruling", "network"].every((name) => !asked[name] || data[name] === asked[name]) &&
      words.every((word) => text.includes(word))
    );
    shown += !row.hidden;
  }
  count.textContent = `${shown} of ${rows.length} rows shown`;
}

function sort(table, column, button) {
  const header = button.parentElement;
  const down = header.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", down ? "descending" : "ascending");
  const key = (row) => row.cells[column].dataset.key ?? row.cells[column].textContent.trim();
  const order = [...table.tBodies[0].rows].sort((one, other) => {
    const [a, b] = [key(one), key(other)];
    if (a === "" || b === "") return (a === "") - (b === "");  // what has no value stays last
    const difference = isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b;
    return down ? -difference : difference;
  });
  table.tBodies[0].append(...order);
}

for (const table of tables) {
  [...table.tHead.rows[0].cells].forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.querySelectorAll("span.title"));
    button.addEventListener("click", () => sort(table, column, button));
    header.prepend(button);
  });
}
if (form) {
  for (const select of form.querySelectorAll("select")) {
    const found = [...new Set(rows.map((row) => row.dataset[select.name]))].filter(Boolean).sort();
    for (const value of found) select.add(new Option(value));
    select.closest("label").hidden = found.length < 2;
  }
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  form.hidden = false;
  filter();
}
