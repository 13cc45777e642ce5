/**
 * Proof that a backtracking matcher passes over a text in linear time. The pattern becomes its position automaton (Glushkov
 * 1961): a state for each character it writes, and one that stands for the places where a search may begin. Time is at
 * most linear if no word leads p to p, p to q and q to q for two states p and q [Weber and Seidl 1991, Weideman et al. 2016],
 * and no loop takes the same edge in two ways. States after which the match has succeeded cannot be part of a search in vain.
 *
 * Too strict rather than too lax: look-arounds count as passed, and what a look-ahead reads as read in vain; counts such as
 * {2,320} count as {2,2}, which keeps every loop and leaves out constant factors.
 */
import { CharSet, JS, type Node as RegexNode } from "refa";

interface Part {
  readonly first: readonly number[];
  readonly last: readonly number[];
  /** Those of `last` behind which nothing can fail. */
  readonly finals: readonly number[];
  readonly isNullable: boolean;
  /** Whether nothing is always found: not so with an assertion. */
  readonly isOptional: boolean;
}

/** Two states that one word leads through in two ways, as sources of their characters; undefined: linear. */
export function superlinearPart(source: string, flags: string): string | undefined {
  const automaton = new Positions(source, flags);
  return automaton.doubledEdge() ?? automaton.ambiguousPair();
}

class Positions {
  readonly #sets: CharSet[] = [];
  readonly #follow: number[][] = [];
  /** For each state the characters that tell sets apart, as bits. */
  readonly #letters: readonly bigint[];
  readonly #all: CharSet;

  constructor(source: string, flags: string) {
    this.#all = CharSet.all(flags.includes("u") || flags.includes("v") ? 0x10ffff : 0xffff);
    const { expression } = JS.Parser.fromLiteral({ source, flags }).parse({ simplify: false });
    const body = this.#anyOf(expression.alternatives);
    // The mark of the text's start is read by ^ alone; a search that has gone on cannot come back to it.
    const search = this.#looped(this.#state(this.#all.without(CharSet.fromCharacter(this.#all.maximum, start))));
    if (!flags.includes("y")) this.#chain([search, body]);
    for (const [i, next] of this.#follow.entries()) this.#follow[i] = next.filter((to) => !body.finals.includes(to));
    this.#letters = bitsOf(this.#sets);
  }

  /** A loop within a loop, as in (a*)*: one edge, taken in two ways. */
  doubledEdge(): string | undefined {
    for (const [from, next] of this.#follow.entries())
      for (const [i, to] of next.entries())
        if (next.indexOf(to) < i && this.#reach(to).has(from)) return `${this.#name(from)} twice to ${this.#name(to)}`;
    return undefined;
  }

  ambiguousPair(): string | undefined {
    const reach = this.#sets.map((_, state) => this.#reach(state));
    const loops = this.#sets.map((_, state) => state).filter((state) => reach[state]!.has(state));
    for (const p of loops)
      for (const q of loops)
        if (p !== q && reach[p]!.has(q) && this.#share(p, q, reach)) return `${this.#name(p)} and ${this.#name(q)}`;
    return undefined;
  }

  /** Whether one word leads p to p, p to q and q to q. */
  #share(p: number, q: number, reach: readonly Set<number>[]): boolean {
    const count = this.#sets.length;
    const goal = (p * count + q) * count + q;
    const seen = new Set([(p * count + p) * count + q]);
    for (const triple of seen) {
      const [a, b, c] = [Math.floor(triple / count ** 2), Math.floor(triple / count) % count, triple % count];
      for (const x of this.#follow[a]!)
        for (const y of this.#follow[b]!)
          for (const z of this.#follow[c]!) {
            if ((this.#letters[x]! & this.#letters[y]! & this.#letters[z]!) === 0n) continue;
            if (!(reach[x]!.has(p) && (y === q || reach[y]!.has(q)) && reach[z]!.has(q))) continue;
            const next = (x * count + y) * count + z;
            if (next === goal) return true;
            seen.add(next);
          }
    }
    return false;
  }

  #reach(from: number): Set<number> {
    const reached = new Set(this.#follow[from]);
    for (const state of reached) for (const to of this.#follow[state]!) reached.add(to);
    return reached;
  }

  #name(state: number): string {
    const { source } = JS.toLiteral({ type: "CharacterClass", characters: this.#sets[state]! });
    return source.length > 60 ? `${source.slice(0, 60)}…` : source;
  }

  #part(node: RegexNode): Part {
    switch (node.type) {
      case "CharacterClass":
        return this.#state(node.characters);
      case "Concatenation":
        return this.#chain(node.elements.map((element) => this.#part(element)));
      case "Alternation":
        return this.#anyOf(node.alternatives);
      case "Quantifier":
        return this.#repeated(node.alternatives, node.min, node.max);
      case "Assertion":
        return this.#assertion(node.kind, node.negate, node.alternatives);
      default:
        throw new Error(`no automaton for ${node.type}`);
    }
  }

  #state(characters: CharSet): Part {
    const state = this.#sets.push(characters) - 1;
    this.#follow.push([]);
    return { first: [state], last: [state], finals: [state], isNullable: false, isOptional: false };
  }

  #chain(parts: readonly Part[]): Part {
    return parts.reduce((before, after) => {
      for (const from of before.last) this.#follow[from]!.push(...after.first);
      return {
        first: before.isNullable ? [...before.first, ...after.first] : before.first,
        last: after.isNullable ? [...before.last, ...after.last] : after.last,
        finals: after.isOptional ? [...before.finals, ...after.finals] : after.finals,
        isNullable: before.isNullable && after.isNullable,
        isOptional: before.isOptional && after.isOptional,
      };
    }, nothing);
  }

  #anyOf(alternatives: readonly RegexNode[]): Part {
    const parts = alternatives.map((alternative) => this.#part(alternative));
    return {
      first: parts.flatMap(({ first }) => first),
      last: parts.flatMap(({ last }) => last),
      finals: parts.flatMap(({ finals }) => finals),
      isNullable: parts.some(({ isNullable }) => isNullable),
      isOptional: parts.some(({ isOptional }) => isOptional),
    };
  }

  #looped(part: Part): Part {
    for (const from of part.last) this.#follow[from]!.push(...part.first);
    return optional(part);
  }

  #repeated(alternatives: readonly RegexNode[], min: number, max: number): Part {
    const once = () => this.#anyOf(alternatives);
    const needed = Array.from({ length: Math.min(min, 2) }, once);
    const more = max === Number.POSITIVE_INFINITY ? [this.#looped(once())] : [];
    const rest = Array.from({ length: Math.min(max, 2) - needed.length }, () => optional(once()));
    return this.#chain([...needed, ...(more.length > 0 ? more : rest)]);
  }

  #assertion(kind: "ahead" | "behind", isNegated: boolean, alternatives: readonly RegexNode[]): Part {
    const isEdge = isNegated && isNoCharacter(alternatives);
    if (kind === "ahead") return isEdge ? assertion : { ...assertion, first: this.#anyOf(alternatives).first };
    if (isUnbounded(alternatives)) throw new Error("a look-behind of any length is run at every place");
    return isEdge ? this.#state(CharSet.fromCharacter(this.#all.maximum, start)) : assertion;
  }
}

const nothing: Part = { first: [], last: [], finals: [], isNullable: true, isOptional: true };
const assertion: Part = { ...nothing, isOptional: false };
const optional = (part: Part): Part => ({ ...part, isNullable: true, isOptional: true });

/** A noncharacter of Unicode, which no pattern of ours writes. */
const start = 0xfffe;

/** Of ^ and $ without the flag m: no character at all may stand there. */
function isNoCharacter([only, ...others]: readonly RegexNode[]): boolean {
  if (others.length > 0 || only?.type !== "Concatenation" || only.elements.length !== 1) return false;
  const [element] = only.elements;
  return element?.type === "CharacterClass" && element.characters.isAll;
}

function isUnbounded(nodes: readonly RegexNode[]): boolean {
  return nodes.some((node) => {
    if (node.type === "Quantifier" && node.max === Number.POSITIVE_INFINITY) return true;
    if (node.type === "Concatenation") return isUnbounded(node.elements);
    return "alternatives" in node && isUnbounded(node.alternatives);
  });
}

/** Two sets share a bit if and only if they share a character. */
function bitsOf(sets: readonly CharSet[]): bigint[] {
  const edges = new Set(sets.flatMap(({ ranges }) => ranges.flatMap(({ min, max }) => [min, max + 1])));
  const classes = new Map([...edges].map((edge) => [sets.map((set) => (set.has(edge) ? "1" : "0")).join(""), edge]));
  const letters = [...classes.values()];
  return sets.map((set) =>
    letters.reduce((bits, letter, i) => (set.has(letter) ? bits | (1n << BigInt(i)) : bits), 0n),
  );
}
