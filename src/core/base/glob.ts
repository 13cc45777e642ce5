/**
 * Glob patterns over paths and names: `*` within a folder, `**` over folders, `**` with a slash any folders or none, `?` one
 * character. All states are followed at once, so a match takes at most (pattern × text) steps; as a regular expression,
 * `*a*a*a*` takes the text's length to the power of its stars.
 */

export interface GlobOptions {
  /** What `*` and `?` stop at. Default "/"; "" for names without folders. */
  readonly separator?: "/" | "";
  readonly ignoreCase?: boolean;
}

/** `maybe`: this and the next token may be left out. `folders`: ends with a separator. */
type Token = { readonly character: string } | "one" | "within" | "across" | "maybe" | "folders";

/** Whether a text as a whole has the form of the glob. */
export function globMatcher(glob: string, options: GlobOptions = {}): (text: string) => boolean {
  const { separator = "/", ignoreCase = false } = options;
  const folded = (text: string) => (ignoreCase ? text.toLowerCase() : text);
  const tokens = tokensOf(folded(glob), separator);
  return (text) => {
    let states = reachable([0], tokens);
    for (const character of folded(text)) {
      const next = [...states].flatMap((at) => after(at, tokens[at], character, separator));
      states = reachable(next, tokens);
      if (states.size === 0) return false;
    }
    return states.has(tokens.length);
  };
}

function tokensOf(glob: string, separator: string): Token[] {
  const signs = separator === "" ? /\*+|[^*]/gu : /\*\*\/|\*+|[^*]/gu;
  return [...glob.matchAll(signs)].flatMap(([sign]): Token[] => {
    if (sign === "**/") return ["maybe", "folders"];
    if (sign.startsWith("*")) return [sign === "*" && separator !== "" ? "within" : "across"];
    return [sign === "?" ? "one" : { character: sign }];
  });
}

/** With the states that are reached without a character. */
function reachable(from: readonly number[], tokens: readonly Token[]): Set<number> {
  const states = new Set(from);
  for (const at of states) {
    const token = tokens[at];
    if (token === "within" || token === "across" || token === "maybe") states.add(at + 1);
    if (token === "maybe") states.add(at + 2);
  }
  return states;
}

function after(at: number, token: Token | undefined, character: string, separator: string): number[] {
  if (token === "across") return [at];
  if (token === "folders") return character === separator ? [at, at + 1] : [at];
  if (token === "one") return character === separator ? [] : [at + 1];
  if (token === "within") return character === separator ? [] : [at];
  return typeof token === "object" && token.character === character ? [at + 1] : [];
}
