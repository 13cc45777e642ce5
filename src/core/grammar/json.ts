/**
 * JSON as models write it: how values are laid out, and values of which nothing is asked. [RFC 8259]
 * A list or an object stands on one line, with or without a space after a comma, or each of its parts stands on a line of its own,
 * indented by two spaces more than the brackets; a colon is followed by one space there. There is no other white space: a small
 * model that may write more, will. Deeper than `maxDepth` everything stands on one line, so that rules that lead to themselves end.
 */
import { entriesOf, numberText } from "../base/index.js";
import { anyCharacter, anyJsonCharacter, jsonCharacter } from "./characters.js";
import { jsonNumber } from "./decimal.js";
import type { Derivatives } from "./derivative.js";
import type { Expression, Expressions } from "./expression.js";

/** Of lists and objects whose parts stand on lines of their own. */
const maxDepth = 8;
const endless = Number.POSITIVE_INFINITY;

export interface Member {
  /** The name and its quotation marks. */
  readonly name: Expression;
  readonly value: Expression;
  readonly isRequired: boolean;
}

/** The first items of a list, and those after them. */
export interface Items {
  readonly first: readonly Expression[];
  readonly further: Expression;
}

/** Members in their order, and what others may be like. */
export interface Members {
  readonly named: readonly Member[];
  readonly further?: Member | undefined;
}

/** What stands between parts and around them. */
interface Layout {
  readonly colon: Expression;
  readonly comma: Expression;
  readonly close: Expression;
  /** After the opening bracket, in place of parts. */
  readonly empty: Expression;
}

export class JsonText {
  readonly derivatives: Derivatives;
  readonly of: Expressions;
  /** How deep the value lies within others whose parts have lines of their own; undefined: on the line of such a part. */
  readonly depth: number | undefined;

  constructor(derivatives: Derivatives, depth: number | undefined) {
    const { of } = derivatives;
    this.derivatives = derivatives;
    this.of = of;
    this.depth = depth;
  }

  /** Of a rule: its texts depend on the layout. */
  ruleName(place: string): string {
    return this.depth === undefined ? place : `${place}\n${this.depth}`;
  }

  /** Any value. */
  get value(): Expression {
    const { of } = this;
    const name = this.ruleName("any value");
    if (!of.rules.has(name)) {
      of.define(name, of.nothing); // a substitute while it is made of itself
      of.define(
        name,
        of.choice([
          this.object((json) => ({
            named: [],
            further: { name: this.string(), value: json.value, isRequired: false },
          })),
          this.array((json) => ({ first: [], further: json.value }), 0, endless),
          this.string(),
          jsonNumber(this.derivatives, { isWhole: false }),
          ...["true", "false", "null"].map((word) => of.text(word)),
        ]),
      );
    }
    return of.rule(name);
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
    const inside = (json: JsonText) =>
      entriesOf(value).map(([name, each]) => [name, json.member(value, name, each)] as const);
    if (Array.isArray(value)) {
      const items = (json: JsonText) => ({ first: inside(json).map(([, item]) => item), further: this.of.nothing });
      return this.array(items, value.length, value.length);
    }
    const member = ([name, each]: readonly [string, Expression]): Member => {
      return { name: this.of.text(JSON.stringify(name)), value: each, isRequired: true };
    };
    return this.object((json) => ({ named: inside(json).map(member) }));
  }

  /** The given value of a list or object, as it was written there. */
  member(container: object, key: string | number, value: unknown): Expression {
    const digits = numberText(container, key);
    return digits === undefined ? this.constant(value) : this.of.text(digits);
  }

  /** The first items and then further ones, `min` to `max` in all; the first items may be left out from the end. */
  array(inside: (json: JsonText) => Items, min: number, max: number): Expression {
    const { of } = this;
    return this.#bracketed("[", "]", inside, ({ first, further }, { comma, close, empty }) => {
      const none = min === 0 ? empty : of.nothing;
      if (max === 0) return none;
      const after = (item: Expression) => of.sequence(comma, item);
      if (first.length === 0)
        return of.choice([none, of.sequence(further, of.repeat(after(further), Math.max(0, min - 1), max - 1), close)]);
      const numFirst = Math.min(first.length, max);
      let tail = of.sequence(of.repeat(after(further), Math.max(0, min - numFirst), max - numFirst), close);
      for (let i = numFirst - 1; i >= 1; i--)
        tail = of.choice([of.sequence(after(first[i]!), tail), i >= min ? close : of.nothing]);
      return of.choice([none, of.sequence(first[0]!, tail)]);
    });
  }

  /** Members in their order, those that are not required perhaps left out, then any number of further ones. */
  object(inside: (json: JsonText) => Members): Expression {
    const { of } = this;
    return this.#bracketed("{", "}", inside, ({ named, further }, { colon, comma, close, empty }) => {
      const member = ({ name, value }: Member) => of.sequence(name, colon, value);
      const more = further ? of.repeat(of.sequence(comma, member(further)), 0, endless) : of.end;
      let later = of.sequence(more, close);
      let first = of.choice([empty, further ? of.sequence(member(further), later) : of.nothing]);
      for (const each of [...named].reverse()) {
        const written = of.sequence(member(each), later);
        first = of.choice([written, each.isRequired ? of.nothing : first]);
        later = of.choice([of.sequence(comma, written), each.isRequired ? of.nothing : later]);
      }
      return first;
    });
  }

  /** On one line, or, above `maxDepth`, with each part on its own. */
  #bracketed<T>(
    open: string,
    close: string,
    inside: (json: JsonText) => T,
    written: (parts: T, layout: Layout) => Expression,
  ): Expression {
    const { of, derivatives, depth } = this;
    const after = (sign: string) => of.sequence(of.text(sign), of.optional(of.text(" ")));
    const end = of.text(close);
    const oneLine = { colon: after(":"), comma: after(","), close: end, empty: end };
    const ways = [written(inside(new JsonText(derivatives, undefined)), oneLine)];
    if (depth !== undefined && depth < maxDepth) {
      const [outer, inner] = [depth, depth + 1].map((each) => `\n${"  ".repeat(each)}`);
      const ownLines = {
        colon: of.text(": "),
        comma: of.text(`,${inner}`),
        close: of.text(`${outer}${close}`),
        empty: of.nothing,
      };
      ways.push(of.sequence(of.text(inner!), written(inside(new JsonText(derivatives, depth + 1)), ownLines)));
    }
    return of.sequence(of.text(open), of.choice(ways));
  }
}

/** The place in the schema that a rule is named after. */
export function placeOf(ruleName: string): string {
  return ruleName.replace(/\n\d+$/, "");
}
