/**
 * JSON values for a chat template, which takes JavaScript's: members in the order they were written in, and numbers with
 * their own digits. The template language has doubles only, and asks an object for its keys: an object answers with the
 * written order; a number that JavaScript would spell otherwise goes in as a stand-in, a double with random digits, which
 * the prompt is searched for afterwards. Values that come from another thread have no notes: send their text, and parse it.
 */
import { entriesOf, numberText } from "../base/index.js";

export class ExactValues {
  /** By the stand-in as the template spells it: the digits that belong there. */
  readonly #digits = new Map<string, string>();

  /** The same values, as a template should see them. */
  show<T>(value: T): T {
    if (typeof value !== "object" || value === null) return value;
    const entries = entriesOf(value).map(([key, item]) => [key, this.#member(value, key, item)] as const);
    if (Array.isArray(value)) return entries.map(([, item]) => item) as T;
    const keys = entries.map(([key]) => key);
    return new Proxy(Object.fromEntries(entries), { ownKeys: () => keys }) as T;
  }

  /** The prompt, with every stand-in replaced. */
  restore(text: string): string {
    if (this.#digits.size === 0) return text;
    return text.replace(/0\.\d{15}/g, (found) => this.#digits.get(found) ?? found);
  }

  #member(container: object, key: string, item: unknown): unknown {
    const digits = numberText(container, key);
    return digits === undefined ? this.show(item) : this.#standIn(digits);
  }

  /** 15 digits, the most that every double spells back, and none of them an idle zero: 48 random bits that no text holds. */
  #standIn(digits: string): number {
    const standIn = Number(`0.${5e13 + Math.floor(Math.random() * 4e13)}${1 + Math.floor(Math.random() * 9)}`);
    this.#digits.set(String(standIn), digits);
    return standIn;
  }
}
