/**
 * The ordinary tokens of a byte-level vocabulary as a tree by their bytes, so that all that begin alike are followed, or
 * given up, together. Added tokens (turns, pictures, <think>, <tool_call>) are not in it: no text may spell them by accident.
 */
import { OcellusError } from "../base/index.js";
import type { Tokenizer } from "../tokenizer/index.js";

export class Vocabulary {
  /** Added tokens by their spelling. */
  readonly addedTokens: ReadonlyMap<string, number>;
  /** The largest id plus one. */
  readonly size: number;
  /** In bytes. */
  readonly longestToken: number;
  /** Nodes in preorder: the byte that leads to each, how many stand before it, and the first node that is not below it. */
  readonly byte: Uint8Array;
  readonly depth: Uint16Array;
  readonly end: Int32Array;
  /** The id whose bytes end at the node, or -1. */
  readonly token: Int32Array;
  /** Tokens with the bytes of another, which is the one in the tree. */
  readonly twins: { readonly id: number; readonly of: number }[] = [];
  readonly #bytesOf: (id: number) => Uint8Array;
  readonly #tokenizer: Tokenizer;

  /** @throws `unsupported` when tokens are not simply bytes, or a byte has no token of its own. */
  constructor(tokenizer: Tokenizer) {
    if (!tokenizer.bytesOf)
      throw new OcellusError(
        "unsupported",
        "constrained answers need a byte-level vocabulary (GPT-2's kind, as Qwen's), and this tokenizer has another",
        { details: { missing: "byte-level vocabulary" } },
      );
    this.#tokenizer = tokenizer;
    this.#bytesOf = tokenizer.bytesOf;
    this.addedTokens = tokenizer.addedTokens;
    this.size = tokenizer.vocabSize;
    const tokens = sortedTokens(tokenizer.bytesOf, this.size, new Set(tokenizer.addedTokens.values()));
    checkBytes(new Set(tokens.map(({ bytes }) => bytes)));
    this.longestToken = tokens.reduce((longest, { bytes }) => Math.max(longest, bytes.length), 0);
    const numNodes = tokens.reduce(
      (sum, { bytes }, i) => sum + bytes.length - shared(tokens[i - 1]?.bytes ?? "", bytes),
      0,
    );
    this.byte = new Uint8Array(numNodes);
    this.depth = new Uint16Array(numNodes);
    this.end = new Int32Array(numNodes);
    this.token = new Int32Array(numNodes).fill(-1);
    this.#fill(tokens);
  }

  bytesOf(id: number): Uint8Array {
    return this.#bytesOf(id);
  }

  /** The tokens that the tokenizer writes a text with; none where it would write another (a space before it, lower case). */
  spell(text: Uint8Array): number[] {
    const ids = this.#tokenizer.encode(new TextDecoder().decode(text));
    const isSame = ids.flatMap((id) => [...this.bytesOf(id)]).every((byte, i) => i >= text.length || byte === text[i]);
    return isSame ? ids : [];
  }

  #fill(tokens: readonly Token[]): void {
    const path: number[] = []; // the nodes of the last token
    let next = 0;
    const close = (depth: number) => {
      for (const node of path.splice(depth)) this.end[node] = next;
    };
    for (const [i, { bytes, id }] of tokens.entries()) {
      close(shared(tokens[i - 1]?.bytes ?? "", bytes));
      for (let depth = path.length; depth < bytes.length; depth++) {
        this.byte[next] = bytes.charCodeAt(depth);
        this.depth[next] = depth;
        path.push(next++);
      }
      const last = path.at(-1)!;
      if (this.token[last] === -1) this.token[last] = id;
      else this.twins.push({ id, of: this.token[last]! });
    }
    close(0);
  }
}

interface Token {
  /** One character a byte: strings sort and compare faster than arrays. */
  readonly bytes: string;
  readonly id: number;
}

function sortedTokens(bytesOf: (id: number) => Uint8Array, size: number, added: ReadonlySet<number>): Token[] {
  const tokens: Token[] = [];
  for (let id = 0; id < size; id++) {
    const bytes = added.has(id) ? "" : String.fromCharCode(...bytesOf(id));
    if (bytes !== "") tokens.push({ bytes, id });
  }
  return tokens.sort((a, b) => (a.bytes < b.bytes ? -1 : a.bytes > b.bytes ? 1 : a.id - b.id));
}

/** Any text can be written only if each byte can: those of ASCII that are printed, and those of UTF-8 beyond. */
function checkBytes(tokens: ReadonlySet<string>): void {
  for (let byte = 0x20; byte <= 0xf4; byte++) {
    if (byte === 0x7f || byte === 0xc0 || byte === 0xc1 || tokens.has(String.fromCharCode(byte))) continue;
    throw new OcellusError(
      "unsupported",
      `constrained answers need a token for every byte, and this vocabulary has none for 0x${byte.toString(16)}`,
      { details: { missing: "token", byte } },
    );
  }
}

function shared(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}
