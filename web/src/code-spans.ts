/** Where code stands in Markdown, so that what is looked for in a text is not looked for there. Linear in the text. */

/** Where a piece of text stands next: what is missing behind one place is missing behind all later ones. */
export class NextPlaces {
  readonly #text: string;
  readonly #known = new Map<string, number>();

  constructor(text: string) {
    this.#text = text;
  }

  of(piece: string, from: number): number {
    const known = this.#known.get(piece);
    if (known !== undefined && (known < 0 || known >= from)) return known;
    const found = this.#text.indexOf(piece, from);
    this.#known.set(piece, found);
    return found;
  }
}

/** Behind a code span or block that begins here; behind its mark where it has no end. */
export function codeEnd(text: string, at: number, ends: NextPlaces): number | undefined {
  if (text[at] !== "`") return undefined;
  let open = at;
  while (text[open] === "`") open++;
  const mark = text.slice(at, open);
  const close = ends.of(mark, open);
  return close < 0 ? open : close + mark.length;
}
