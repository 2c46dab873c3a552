// The view of one scenario.
let shown = null; // {square, lanes}
const TIMES = ["before", "at the crash", "after"];

function register(cell) {
  const [state, pattern, key, changed] = cell;
  const mark = changed ? el("strong", { title: "changed since" }, "Δ ") : null;
  return el("td", { class: changed ? "changed" : null }, mark, state, pattern ? el("code", { class: `key ${key}` }, ` ${pattern}`) : null);
}

function registers(rows) {
  const heads = TIMES.map((time) => el("th", { colspan: "2", scope: "colgroup" }, time));
  const names = TIMES.flatMap(() => [el("th", { scope: "col" }, "CURRENT"), el("th", { scope: "col" }, "NEW")]);
  const lines = rows.map(({ unit, type, times }) => el("tr", null, el("th", { scope: "row" }, `unit ${unit} ${type.toLowerCase()}`),
    times.map((cells) => cells ? cells.map(register) : [el("td", null, "?"), el("td", null, "?")])));
  return el("div", { class: "scroll" }, el("table", { class: "plain registers", id: "registers" },
    el("thead", null, el("tr", null, el("th", { rowspan: "2" }, "crypto unit"), heads), el("tr", null, names)),
    el("tbody", null, lines)));
}

function rowBars(moments) {
  const kinds = [["old", "under CURRENT"], ["new", "under NEW"], ["gone", "unreadable"]];
  return el("table", { class: "plain rows" }, el("tbody", null, moments.map(([time, counts]) => {
    const total = counts.reduce((sum, count) => sum + count, 0) || 1;
    let x = 0;
    const bar = svg("svg", { width: 240, height: 14, role: "img", "aria-label": "rows" });
    counts.forEach((count, at) => {
      bar.append(svg("rect", { x, y: 0, width: (240 * count) / total, height: 14, class: `rows-${kinds[at][0]}` }));
      x += (240 * count) / total;
    });
    const words = counts.map((count, at) => count ? `${count} ${kinds[at][1]}` : null).filter(Boolean).join(", ");
    return el("tr", null, el("th", { scope: "row" }, time), el("td", null, bar), el("td", null, words));
  })));
}

// What opened each key of another system under test: name, then a word for each of the times.
function keys(rows) {
  const lines = rows.map(([name, ...words]) => el("tr", null, el("th", { scope: "row" }, name), words.map((word, at) =>
    el("td", { class: at && word !== words[at - 1] ? "changed" : null }, el("span", { class: `key ${word}` }, word)))));
  return el("div", { class: "scroll" }, el("table", { class: "plain registers", id: "keys" },
    el("thead", null, el("tr", null, ["key", ...TIMES].map((head) => el("th", { scope: "col" }, head)))),
    el("tbody", null, lines)));
}

function commands(typed) {
  return el("ul", { id: "commands" }, typed.map(([name, words]) => el("li", null, `${name}: `, el("code", null, words))));
}

function marked(texts, cut) {
  const lines = texts.map(([text, mark]) => {
    const name = mark.startsWith("message") ? el("b", null, `${mark} ▶ `) : null;
    return el("span", { class: mark ? `mark ${mark.split(" ")[0]}` : null }, name, `${text}\n`);
  });
  return el("pre", { class: "transcript", tabindex: "0" }, cut, lines);
}

function transcript(detail) {
  return marked(detail.transcript, detail.cut
    ? [el("span", { class: "faint" }, `… ${detail.cut} lines cut, see transcript.txt\n`)] : []);
}

function events(detail, lanes) {
  return section("Events", detail.moment ? el("p", null, `First violation: ${detail.moment}.`) : null,
    lanes?.element() ?? el("p", { class: "faint" }, detail.kept
      ? "The events did not fit into this page; they are in events.jsonl."
      : "Events are kept where keys were lost or something was not as documented; the command above shows them."));
}

function section(title, ...children) {
  return children.some(Boolean) ? el("section", null, el("h3", null, title), ...children) : null;
}

const items = (texts) => texts.length ? el("ul", null, texts.map((text) => el("li", null, text))) : null;

function story(square, detail) {
  const faults = detail.faults.map(([text, fired]) => `${text}: ${fired ? "struck" : "NOT reached"}`);
  const rules = detail.rules.map(([name, source]) => `${name}${source ? ` (${source})` : ""}`);
  if (detail.stuck) rules.push(`then no answer: ${detail.stuck}`);
  const findings = detail.findings.map(([check, text]) => `${check}: ${text}`);
  if (detail.more) findings.push(`… and ${detail.more} more in verdict.json`);
  const lanes = detail.lanes ? new Lanes({ ...detail.lanes, momentText: detail.moment }) : null;
  const files = detail.files.map((name) => el("li", null, el("a", { href: `scenarios/${square.number}/${name}` }, name)));
  shown = { square, lanes };
  return [
    el("p", null, detail.claim),
    copyable(detail.replay),
    section("Keys, and which secret opened them", detail.keys?.length ? keys(detail.keys) : null),
    section("Master-key registers", detail.registers ? registers(detail.registers) : null),
    section("Rows of the key store", detail.rows.length ? rowBars(detail.rows) : null),
    detail.registers ? events(detail, lanes) : null,
    section("Commands", detail.commands ? commands(detail.commands) : null),
    section("Calls up to the fault", detail.calls?.length ? marked(detail.calls, []) : null),
    section("Rules applied", items(rules)),
    section("What the operator saw", transcript(detail)),
    section("Checks that did not hold", items(findings)),
    section("Faults", items(faults)),
    section("Crash state", detail.state ? el("p", null, el("code", null, detail.state)) : null),
    section("Evidence", files.length ? el("ul", null, files) : null),
  ];
}

async function showScenario(id) {
  const view = byId("scenario");
  const square = byScenario.get(id);
  if (!square) {
    view.replaceChildren(el("p", null, `No scenario ${id} in this run.`), button("back (Esc)", back));
    return;
  }
  const heading = el("h2", { tabindex: "-1" }, el("span", { class: `c ${square.kind}` }, square.link.textContent), ` ${square.id}`);
  const tools = el("p", { class: "tools" }, button("back (Esc)", back), " ", button("previous (p)", () => neighbour(-1)), " ",
    button("next (n)", () => neighbour(1)));
  const detail = await details(square.number);
  const content = detail ? story(square, detail) : [el("p", null, square.kind === "missing"
    ? "This scenario has no result."
    : `The details of this scenario did not fit into this page; they are in scenarios/${square.number}/.`)];
  view.replaceChildren(...[heading, el("p", { class: "end" }, square.end), tools, ...content].filter(Boolean));
  shown?.lanes?.select(shown.lanes.at);
  heading.focus({ preventScroll: true });
  scrollTo(0, 0);
}

function neighbour(step) {
  const list = matching();
  const next = list[list.findIndex((square) => square === shown?.square) + step];
  if (next) location.hash = `s=${next.id}`;
}
