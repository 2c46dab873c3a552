// What the address says after "#" is what is shown: s= a scenario, q= the matrix with a filter.
let scrolled = 0;
let words = "";

function back() {
  location.hash = `q=${encodeURIComponent(words)}`;
}

function route() {
  const [kind, ...rest] = decodeURIComponent(location.hash.slice(1)).split("=");
  const value = rest.join("=");
  const overview = byId("overview");
  if (kind === "s") {
    if (!overview.hidden) scrolled = scrollY;
    overview.hidden = true;
    byId("scenario").hidden = false;
    showScenario(value);
    return;
  }
  const from = shown?.square;
  shown = null;
  overview.hidden = false;
  byId("scenario").hidden = true;
  words = value;
  byId("filter").value = words;
  filter(words);
  if (from) {
    scrollTo(0, scrolled);
    rove(from);
    from.link.focus({ preventScroll: true });
  }
}

function theme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
}

const KEYS = {
  "/": () => byId("filter").focus(),
  t: theme,
  n: () => shown && neighbour(1),
  p: () => shown && neighbour(-1),
  c: () => shown && byId("scenario").querySelector("button.copy")?.click(),
  j: () => shown?.lanes?.select(shown.lanes.data.moment ?? shown.lanes.data.strikes[0]?.[0] ?? 0),
  Escape: () => shown && back(),
};

document.addEventListener("keydown", (event) => {
  const typing = event.target === byId("filter");
  if (event.ctrlKey || event.metaKey || event.altKey || (typing && event.key !== "Escape")) return;
  if (typing) event.target.blur();
  const action = KEYS[event.key];
  if (action) {
    event.preventDefault();
    action();
  }
});

byId("filter").addEventListener("input", (event) => {
  words = event.target.value;
  history.replaceState(null, "", `#q=${encodeURIComponent(words)}`);
  filter(words);
});
byId("theme").addEventListener("click", theme);
for (const code of document.querySelectorAll(".replay code")) code.parentElement.replaceWith(copyable(code.textContent));
for (const hidden of document.querySelectorAll("[data-with-script]")) hidden.hidden = false;
prepareMatrix();
addEventListener("hashchange", route);
route();
