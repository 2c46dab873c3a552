// The squares of the matrix: found by id, filtered by words, walked through with the arrow keys.
const LISTED_MAX = 200;
const squares = [...document.querySelectorAll("#matrix a")].map((link) => {
  const [id, end] = link.title.split(": ", 2);
  const kind = link.classList[1];
  return { link, id, end, kind, number: link.dataset.n, text: `${link.title} ${kind}`.toLowerCase(), shown: true };
});
const byScenario = new Map(squares.map((square) => [square.id, square]));
const matching = () => squares.filter((square) => square.shown);

// Every word has to occur in id, end or kind; a word after "!" must not.
function filter(words) {
  const terms = words.toLowerCase().split(/\s+/).filter(Boolean);
  for (const square of squares) {
    square.shown = terms.every((term) =>
      term.startsWith("!") ? !square.text.includes(term.slice(1)) : square.text.includes(term));
    square.link.classList.toggle("off", !square.shown);
  }
  const found = matching();
  byId("found").textContent = terms.length ? `${found.length} of ${squares.length} scenarios match` : "";
  list(terms.length ? found : []);
  rove(found[0] ?? squares[0]);
}

function list(found) {
  const lines = found.slice(0, LISTED_MAX).map((square) => el("li", null,
    el("span", { class: `c ${square.kind}` }, square.link.textContent), " ",
    el("a", { href: `#s=${square.id}` }, square.id), ` ${square.end}`));
  if (found.length > LISTED_MAX) lines.push(el("li", null, `… and ${found.length - LISTED_MAX} more`));
  byId("list").replaceChildren(...lines);
}

// One square is in the order of the Tab key, the arrow keys lead to the others.
let roving = null;
function rove(square) {
  roving?.link.setAttribute("tabindex", "-1");
  roving = square ?? null;
  roving?.link.setAttribute("tabindex", "0");
}

const STEPS = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 };

function arrow(event) {
  const step = STEPS[event.key];
  const at = squares.findIndex((square) => square.link === event.target);
  if (!step || at < 0) return;
  event.preventDefault();
  const row = event.target.closest("tr");
  const vertical = event.key === "ArrowDown" || event.key === "ArrowUp";
  const column = event.target.closest("td").cellIndex;
  let next = at + step;
  // Up and down lead to the same procedure in another row, where it has a square there.
  while (vertical && squares[next]
    && (squares[next].link.closest("tr") === row || squares[next].link.closest("td").cellIndex !== column)) next += step;
  if (!squares[next]) return;
  rove(squares[next]);
  roving.link.focus();
}

function prepareMatrix() {
  for (const square of squares) {
    square.link.setAttribute("tabindex", "-1");
    square.link.href = `#s=${square.id}`;
  }
  rove(squares[0]);
  byId("matrix").addEventListener("keydown", arrow);
  for (const entry of document.querySelectorAll("[data-filter]")) {
    entry.append(" ", button("show", () => { location.hash = `q=${entry.dataset.filter}`; }, { "aria-label": `show ${entry.textContent}` }));
  }
}
