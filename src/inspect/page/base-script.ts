/**
 * What all our pages do in the browser, as text: it is no module of ours and imports nothing. All that came from outside
 * reaches a page as text nodes, never as markup. The page's own script follows and ends with `begin(...)`.
 */
export const baseScript = `
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const root = document.documentElement;
const redraws = []; // called when the theme has changed

function el(tag, properties, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name === "style") for (const [key, text] of Object.entries(value)) node.style.setProperty(key, text);
    else if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

const percent = (p) => p >= 0.9995 ? "100 %" : p >= 0.1 ? (100 * p).toFixed(1) + " %" : p >= 0.0001 ? (100 * p).toFixed(2) + " %" : "< 0.01 %";

/** Arrow keys, Home and End walk over the buttons of a group, which are in rows of so many; only the current one is a stop of the Tab key. */
function walk(group, choose, columns = 1) {
  group.addEventListener("keydown", (event) => {
    const buttons = [...group.querySelectorAll("button, [role=button]")];
    const at = buttons.indexOf(document.activeElement);
    const to = { ArrowLeft: at - 1, ArrowUp: at - columns, ArrowRight: at + 1, ArrowDown: at + columns, Home: 0, End: buttons.length - 1 }[event.key];
    if (at < 0 || to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const next = Math.min(buttons.length - 1, Math.max(0, to));
    choose(next);
    buttons[next].focus();
  });
}

function mark(buttons, chosen, attribute) {
  buttons.forEach((button, i) => {
    button.setAttribute(attribute, String(i === chosen));
    button.tabIndex = i === chosen ? 0 : -1;
  });
}

function setTheme(theme) {
  root.dataset.theme = theme;
  document.getElementById("theme").textContent = theme === "dark" ? "Light" : "Dark";
  for (const redraw of redraws) redraw();
}

function begin(...nodes) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  document.getElementById("heading").textContent = data.heading;
  document.getElementById("facts").textContent = data.facts;
  document.getElementById("page").append(...nodes);
  document.getElementById("theme").onclick = () => setTheme(root.dataset.theme === "dark" ? "light" : "dark");
  dark.onchange = () => setTheme(dark.matches ? "dark" : "light");
  setTheme(dark.matches ? "dark" : "light");
}
`;
