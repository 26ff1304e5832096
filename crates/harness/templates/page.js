(function () {
  "use strict";
  var root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
  var theme = document.createElement("button");
  theme.type = "button";
  theme.className = "theme";
  function isDark() { return root.dataset.theme ? root.dataset.theme === "dark" : dark.matches; }
  function tell() { theme.textContent = isDark() ? "Light theme" : "Dark theme"; }
  theme.addEventListener("click", function () { root.dataset.theme = isDark() ? "light" : "dark"; tell(); });
  dark.addEventListener("change", tell);
  tell();
  document.body.prepend(theme);

  function sort(table, column, head) {
    var up = head.getAttribute("aria-sort") !== "ascending";
    table.querySelectorAll("thead th").forEach(function (th) { th.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    var numeric = head.classList.contains("n"), body = table.tBodies[0];
    function key(row) {
      var cell = row.cells[column];
      if (!numeric) { return cell.textContent.trim(); }
      return cell.dataset.k === "" ? NaN : Number(cell.dataset.k);
    }
    var rows = Array.prototype.map.call(body.rows, function (row, i) { return { row: row, key: key(row), i: i }; });
    rows.sort(function (a, b) {
      var sign = up ? 1 : -1;
      if (!numeric) { return sign * a.key.localeCompare(b.key, "en", { numeric: true }) || a.i - b.i; }
      if (isNaN(a.key) || isNaN(b.key)) { return isNaN(a.key) - isNaN(b.key) || a.i - b.i; }
      return a.key === b.key ? a.i - b.i : sign * (a.key < b.key ? -1 : 1);
    });
    rows.forEach(function (r) { body.append(r.row); });
  }
  document.querySelectorAll("table.sortable").forEach(function (table) {
    table.querySelectorAll("thead th").forEach(function (th, column) {
      var button = document.createElement("button");
      button.type = "button";
      button.append.apply(button, th.childNodes);
      th.append(button);
      button.addEventListener("click", function () { sort(table, column, th); });
    });
  });
})();
