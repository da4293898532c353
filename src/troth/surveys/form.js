"use strict";
const form = document.getElementById("form");
const said = document.getElementById("said");

// One name for one visit: whoever saves twice is read once, and what was saved last counts.
const random = crypto.getRandomValues(new Uint8Array(12));
const visit = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");

function quoted(value) {
  // A spreadsheet would run a cell that opens with one of these.
  const safe = /^[=+\-@\t\r]/.test(value) ? "'" + value : value;
  return '"' + safe.replace(/"/g, '""') + '"';
}

function answersAsCsv() {
  const given = new FormData(form);
  const cells = [
    ["response_id", visit],
    ["answered_at", new Date().toISOString()],
    ["email", (given.get("email") || "").trim()],
    ["relationship", form.dataset.relationship],
    ["set", form.dataset.set],
    ["language", document.documentElement.lang],
  ];
  for (const name of form.dataset.items.split(" ")) {
    cells.push([name, given.get(name) || ""]);
  }
  return cells.map((cell) => quoted(cell[0])).join(",") + "\n" + cells.map((cell) => quoted(cell[1])).join(",") + "\n";
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([answersAsCsv()], { type: "text/csv" }));
  link.download = form.dataset.file;
  document.body.append(link);
  link.click();
  link.remove();
  said.textContent = form.dataset.saved;
});

document.getElementById("save").hidden = false;
