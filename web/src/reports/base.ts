/**
 * What all report pages do: one HTML file each, whose script writes text nodes only, so that no name or text from outside can
 * become more than text. A page's own module ends with `begin(...)`.
 */
import type { PageKinds, Said } from "../../../src/inspect/page/page-data.js";
import { chineseOf } from "./sentences-zh.js";

export type Child = Node | string;
type Properties = Readonly<Record<string, unknown>> & { readonly style?: Readonly<Record<string, string | number>> };

const root = document.documentElement;
type Language = "en" | "zh";
let language: Language = navigator.language.startsWith("zh") ? "zh" : "en";

/** Words in the page's language. */
export function say(english: string, chinese: string): string {
  return language === "en" ? english : chinese;
}

/** For who draws a report's parts in another page. */
export function speak(chosen: Language): void {
  language = chosen;
}

/** Called when the theme has changed. */
export const redraws: (() => void)[] = [];

/** A heading and the line above it; what they say, where they are sentences. */
interface Top {
  readonly heading: string;
  readonly headingSaid?: Said;
  readonly facts: string;
  readonly factsSaid?: Said;
}

/** The page's data, as the program that wrote the page put it there. */
export function pageData<K extends keyof PageKinds>(_kind: K): PageKinds[K] & Top {
  return JSON.parse(byId("data").textContent);
}

function byId(id: string): HTMLElement {
  return document.getElementById(id)!;
}

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "style") setStyle(node, value as Readonly<Record<string, string | number>>);
    else if (name in node) Reflect.set(node, name, value);
    else node.setAttribute(name, String(value));
  }
  node.append(...children);
  return node;
}

/** By properties: a content policy without inline styles forbids the attribute. */
export function setStyle(node: HTMLElement | SVGElement, style: Readonly<Record<string, string | number>>): void {
  for (const [key, value] of Object.entries(style)) node.style.setProperty(key, String(value));
}

export function percent(p: number): string {
  if (p >= 0.9995) return "100 %";
  if (p < 0.0001) return "< 0.01 %";
  return `${(100 * p).toFixed(p >= 0.1 ? 1 : 2)} %`;
}

/**
 * Arrow keys, Home and End walk over the buttons of a group, which are in rows of so many; only the current one is a stop of
 * the Tab key.
 */
export function walk(group: Element, choose: (index: number) => void, columns = 1): void {
  group.addEventListener("keydown", (event) => {
    const { key, altKey, ctrlKey, metaKey } = event as KeyboardEvent;
    const buttons = [...group.querySelectorAll<HTMLElement | SVGElement>("button, [role=button]")];
    const at = buttons.indexOf(focusIn(group) as HTMLElement);
    const places: Readonly<Record<string, number>> = {
      ...{ ArrowLeft: at - 1, ArrowUp: at - columns, ArrowRight: at + 1, ArrowDown: at + columns },
      ...{ Home: 0, End: buttons.length - 1 },
    };
    const to = places[key];
    if (at < 0 || to === undefined || altKey || ctrlKey || metaKey) return;
    event.preventDefault();
    const next = Math.min(buttons.length - 1, Math.max(0, to));
    choose(next);
    buttons[next]!.focus();
  });
}

/** What has the focus, also inside a shadow. */
export function focusIn(node: Node): Element | null {
  return (node.getRootNode() as Document | ShadowRoot).activeElement;
}

export function mark(buttons: readonly HTMLElement[], chosen: number, attribute: string): void {
  buttons.forEach((button, i) => {
    button.setAttribute(attribute, String(i === chosen));
    button.tabIndex = i === chosen ? 0 : -1;
  });
}

export function colourOf(variable: string): [number, number, number] {
  const hex = getComputedStyle(root).getPropertyValue(variable).trim();
  const part = (at: number) => Number.parseInt(hex.slice(at, at + 2), 16);
  return [part(1), part(3), part(5)];
}

function setTheme(theme: "light" | "dark"): void {
  root.dataset.theme = theme;
  byId("theme").textContent = theme === "dark" ? say("Light", "浅色") : say("Dark", "深色");
  for (const redraw of redraws) redraw();
}

/** @param views called again when the language has changed */
export function begin({ heading, headingSaid, facts, factsSaid }: Top, views: () => readonly Child[]): void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const inBoth = (text: string, said: Said | undefined) => say(text, (said && chineseOf(said)) ?? text);
  const draw = () => {
    byId("heading").textContent = inBoth(heading, headingSaid);
    byId("facts").textContent = inBoth(facts, factsSaid);
    root.lang = say("en", "zh-CN");
    const other = byId("language");
    other.textContent = say("中文", "English");
    other.lang = say("zh-CN", "en");
    redraws.length = 0;
    byId("page").replaceChildren(...views());
  };
  byId("language").onclick = () => {
    language = language === "en" ? "zh" : "en";
    draw();
    setTheme(root.dataset.theme === "dark" ? "dark" : "light");
  };
  draw();
  byId("theme").onclick = () => setTheme(root.dataset.theme === "dark" ? "light" : "dark");
  dark.onchange = () => setTheme(dark.matches ? "dark" : "light");
  setTheme(dark.matches ? "dark" : "light");
}
