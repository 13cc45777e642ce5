/**
 * JSON as models write it: how values are laid out, and values of which nothing is asked. [RFC 8259]
 * White space is what printers of JSON write: a space after a colon; after an opening bracket, after a comma and before a
 * closing bracket a space, or a line break and at most 16 spaces or tabs. A small model that may write more, will.
 */
import { entriesOf, numberText } from "../base/index.js";
import { anyCharacter, anyJsonCharacter, jsonCharacter } from "./characters.js";
import { jsonNumber } from "./decimal.js";
import type { Derivatives } from "./derivative.js";
import type { Expression, Expressions } from "./expression.js";

const maxIndent = 16;
const endless = Number.POSITIVE_INFINITY;

export interface Member {
  /** The name and its quotation marks. */
  readonly name: Expression;
  readonly value: Expression;
  readonly isRequired: boolean;
}

export class JsonText {
  readonly derivatives: Derivatives;
  readonly of: Expressions;
  readonly #space: Expression;
  readonly #colon: Expression;
  readonly #comma: Expression;

  constructor(derivatives: Derivatives) {
    const { of } = derivatives;
    this.derivatives = derivatives;
    this.of = of;
    const indent = of.repeat(of.oneOf(" \t"), 0, maxIndent);
    this.#space = of.optional(of.choice([of.text(" "), of.sequence(of.text("\n"), indent)]));
    this.#colon = of.sequence(of.text(":"), of.optional(of.text(" ")));
    this.#comma = of.sequence(of.text(","), this.#space);
  }

  /** Any value. */
  get value(): Expression {
    const { of } = this;
    if (!of.rules.has("any value"))
      of.define(
        "any value",
        of.choice([
          this.object([], { name: this.string(), value: of.rule("any value"), isRequired: false }),
          this.array([], of.rule("any value"), 0, endless),
          this.string(),
          jsonNumber(this.derivatives, { isWhole: false }),
          ...["true", "false", "null"].map((word) => of.text(word)),
        ]),
      );
    return of.rule("any value");
  }

  /** Any string of so many characters. */
  string(minLength = 0, maxLength = endless): Expression {
    return this.quoted(this.of.repeat(anyJsonCharacter(this.of), minLength, maxLength));
  }

  /** Any string in the one spelling that patterns and property names are compared in. */
  plainText(minLength = 0, maxLength = endless): Expression {
    return this.of.repeat(jsonCharacter(this.of, anyCharacter), minLength, maxLength);
  }

  quoted(inside: Expression): Expression {
    const quote = this.of.text('"');
    return this.of.lexeme(this.of.sequence(quote, inside, quote));
  }

  /** One given value; objects in the order of their members, numbers in the digits they were given in. */
  constant(value: unknown): Expression {
    if (typeof value !== "object" || value === null) return this.of.text(JSON.stringify(value));
    const inside = entriesOf(value).map(([name, each]) => [name, this.member(value, name, each)] as const);
    if (Array.isArray(value))
      return this.array(
        inside.map(([, item]) => item),
        this.of.nothing,
        inside.length,
        inside.length,
      );
    return this.object(
      inside.map(([name, each]) => ({ name: this.of.text(JSON.stringify(name)), value: each, isRequired: true })),
    );
  }

  /** The given value of a list or object, as it was written there. */
  member(container: object, key: string | number, value: unknown): Expression {
    const digits = numberText(container, key);
    return digits === undefined ? this.constant(value) : this.of.text(digits);
  }

  /** `items` and then further ones, `min` to `max` in all; the first items may be left out from the end. */
  array(items: readonly Expression[], further: Expression, min: number, max: number): Expression {
    const { of } = this;
    const close = of.sequence(this.#space, of.text("]"));
    const after = (item: Expression) => of.sequence(this.#comma, item);
    const numFirst = Math.min(items.length, max);
    const numFurther = [Math.max(0, min - numFirst), max - numFirst] as const;
    if (numFirst === 0) {
      const [least, most] = numFurther;
      const some =
        most === 0
          ? of.nothing
          : of.sequence(further, of.repeat(after(further), Math.max(0, least - 1), most - 1), close);
      return of.sequence(of.text("["), this.#space, of.choice([least === 0 ? of.text("]") : of.nothing, some]));
    }
    let tail = of.sequence(of.repeat(after(further), ...numFurther), close);
    for (let i = numFirst - 1; i >= 1; i--)
      tail = of.choice([of.sequence(after(items[i]!), tail), i >= min ? close : of.nothing]);
    const some = of.sequence(items[0]!, tail);
    return of.sequence(of.text("["), this.#space, of.choice([min === 0 ? of.text("]") : of.nothing, some]));
  }

  /** Members in their order, those that are not required perhaps left out, then any number of further ones. */
  object(members: readonly Member[], further?: Member): Expression {
    const { of } = this;
    const member = ({ name, value }: Member) => of.sequence(name, this.#colon, value);
    const more = further ? of.repeat(of.sequence(this.#comma, member(further)), 0, endless) : of.end;
    let later = of.sequence(more, this.#space, of.text("}"));
    let first = of.choice([of.text("}"), further ? of.sequence(member(further), later) : of.nothing]);
    for (const each of [...members].reverse()) {
      const written = of.sequence(member(each), later);
      first = of.choice([written, each.isRequired ? of.nothing : first]);
      later = of.choice([of.sequence(this.#comma, written), each.isRequired ? of.nothing : later]);
    }
    return of.sequence(of.text("{"), this.#space, first);
  }
}
