
"use strict";
(() => {
  const FIRST = 6;
  const form = document.getElementById("filters");
  const cards = [...document.querySelectorAll("#cards > .card")];
  const more = document.getElementById("more");
  let most = FIRST;

  function isShown(card, values, operations) {
    const own = card.dataset;
    const failure = values.get("failure");
    if (values.get("class") && own.class !== values.get("class")) return false;
    if (failure !== "*" && own.failure !== failure) return false;
    if (own.operations && !own.operations.split("+").some((name) => operations.has(name))) return false;
    if (own.lam === "") return true;
    const least = Number(values.get("least") || 0), most = Number(values.get("most") || 1);
    return Number(own.lam) >= least && Number(own.lam) <= most;
  }

  function filter() {
    const values = new FormData(form);
    const operations = new Set(values.getAll("operation"));
    let fitting = 0;
    for (const card of cards) {
      const fits = isShown(card, values, operations);
      card.hidden = !fits || fitting >= most;
      fitting += fits ? 1 : 0;
    }
    const shown = Math.min(fitting, most);
    document.getElementById("shown").textContent = `${shown} of ${cards.length} samples are shown.`;
    more.hidden = shown === fitting;
    more.textContent = `Show ${fitting - shown} more`;
  }

  function sort(head, isNumber) {
    const table = head.closest("table"), body = table.tBodies[0], column = head.cellIndex;
    const now = head.getAttribute("aria-sort");
    const descending = isNumber ? now !== "descending" : now === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const value = (row) => {
      const cell = row.cells[column];
      return isNumber ? Number(cell.dataset.value) : cell.textContent;
    };
    const compare = isNumber
      ? (one, other) => value(one) - value(other)
      : (one, other) => value(one).localeCompare(value(other), undefined, { numeric: true });
    const rows = [...body.rows].sort(compare);
    body.append(...(descending ? rows.reverse() : rows));
  }

  if (form) {
    document.getElementById("filter-box").hidden = false;
    form.addEventListener("input", filter);
    form.addEventListener("change", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(filter));
    more.addEventListener("click", () => {
      const hidden = cards.filter((card) => card.hidden);
      most = cards.length;
      filter();
      const next = hidden.find((card) => !card.hidden);
      next.tabIndex = -1;  // where reading goes on; the button is gone
      next.focus();
    });
    form.reset();
    filter();
  }
  for (const button of document.querySelectorAll("button[data-sort]")) {
    button.addEventListener("click", () => sort(button.closest("th"), button.dataset.sort === "number"));
  }
})();
