// Elements from data. Text is only ever text: the policy of the page forbids to make markup of strings.
const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
const byId = (id) => document.getElementById(id);

function button(text, action, attributes) {
  const made = el("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", action);
  return made;
}

// The copy buttons. Some browsers have no clipboard for a page from a file; then the text is selected.
async function copy(code, told) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    told.textContent = "copied";
  } catch {
    getSelection().selectAllChildren(code);
    told.textContent = "selected, copy it with Ctrl-C";
  }
}

function copyable(text) {
  const code = el("code", null, text);
  const told = el("span", { class: "faint", role: "status" });
  return el("div", { class: "replay" }, code, button("copy", () => copy(code, told), { class: "copy" }), told);
}
