/* Charts from their specification, and the menu of a narrow page. Nothing is evaluated and nothing leaves the machine. */
"use strict";

const ASSETS = ["/static/vendor/vega.min.js", "/static/vendor/vega-lite.min.js", "/static/vendor/vega-embed.min.js"];
let engine = null;

function load(source) {
  return new Promise((done, failed) => {
    const tag = document.createElement("script");
    tag.src = source;
    tag.onload = done;
    tag.onerror = () => failed(new Error(source));
    document.head.append(tag);
  });
}

function loadEngine() {
  engine ??= ASSETS.reduce((before, source) => before.then(() => load(source)), Promise.resolve());
  return engine;
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
}

/* <figure class="chart" data-spec="/relationships/acme/path.json">: the figure is filled once it comes near. */
async function draw(figure) {
  const place = figure.querySelector(".canvas");
  const label = place.getAttribute("aria-label");
  try {
    const source = new URL(figure.dataset.spec, location.href);
    source.searchParams.set("theme", isDark() ? "dark" : "light");
    source.searchParams.set("width", Math.max(280, Math.floor(place.clientWidth)));
    const [answer] = await Promise.all([fetch(source), loadEngine()]);
    if (!answer.ok) throw new Error(answer.statusText);
    const spec = await answer.json();
    await vegaEmbed(place, spec, {
      ast: true, expr: vega.expressionInterpreter, actions: false, renderer: "svg", defaultStyle: false, tooltip: false,
    });
    place.setAttribute("role", "img"); // one picture with one name: its figures stand in the table beneath
    place.setAttribute("aria-label", label);
    place.removeAttribute("aria-roledescription");
    place.querySelector("svg").setAttribute("aria-hidden", "true");
    figure.dataset.drawn = "yes";
  } catch (error) {
    figure.dataset.drawn = "no";
  }
}

function drawAll(root) {
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      near.unobserve(entry.target);
      draw(entry.target);
    }
  }, { rootMargin: "300px" });
  for (const figure of root.querySelectorAll("figure.chart[data-spec]:not([data-drawn])")) near.observe(figure);
}

/* The menu is open in the page, for browsers without scripts; with them it is folded where the page is narrow. */
function foldMenu() {
  const menu = document.querySelector("details.menu");
  if (!menu) return;
  const wide = matchMedia("(min-width: 72rem)");
  const fold = () => { menu.open = wide.matches; };
  fold();
  wide.addEventListener("change", fold);
  menu.dataset.ready = "yes";
}

document.addEventListener("DOMContentLoaded", () => {
  drawAll(document);
  foldMenu();
});
document.addEventListener("htmx:after:swap", () => drawAll(document));

/* What took the place of the focused row is focused in its stead, so that a keyboard goes on from there. */
document.addEventListener("htmx:after:swap", () => {
  if (document.activeElement === document.body) document.querySelector("[data-focus]")?.focus({ preventScroll: true });
  for (const one of document.querySelectorAll("[data-focus]")) one.removeAttribute("data-focus");
});

/* Files can be dropped on their field, and a bar says how much of them was sent. Without scripts the form is sent plainly. */
function sendFiles(form) {
  const drop = form.querySelector(".drop");
  const input = drop.querySelector("input[type=file]");
  const sending = form.querySelector(".sending");
  const problem = form.querySelector("[data-problem]");
  for (const kind of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
      if (kind === "drop" && event.dataTransfer.files.length) input.files = event.dataTransfer.files;
    });
  }
  const fail = (words) => {
    sending.hidden = true;
    form.querySelector("button").disabled = false;
    problem.textContent = words;
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    problem.textContent = "";
    const size = [...input.files].reduce((sum, file) => sum + file.size, 0);
    if (size > Number(form.dataset.most)) return fail(form.dataset.tooLarge);
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.responseType = "document";
    request.upload.onprogress = (step) => { sending.querySelector("progress").value = step.loaded / step.total; };
    request.onerror = () => fail(form.dataset.broken);
    request.onload = () => {
      if (request.status < 400) location.assign(request.responseURL);
      else fail(request.response?.querySelector(".problem p")?.textContent.trim() || form.dataset.broken);
    };
    sending.hidden = false;
    form.querySelector("button").disabled = true;
    request.send(new FormData(form));
  });
}

document.addEventListener("DOMContentLoaded", () => {
  for (const form of document.querySelectorAll("form[data-upload]")) sendFiles(form);
});
