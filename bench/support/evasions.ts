/**
 * The evasion set: made-up words, and the ways in which people write words past a filter, applied by rule and a seed. No
 * word of it means anything; the Chinese ones are of common characters, some with a traditional form or two halves.
 */

import { simplifiedPairs } from "../../src/core/base/index.js";
import { hanReadings, splitParts } from "../../src/guardrails/words/han.js";

export const english = [
  ..."glarb snoot vlimp drazzle quonk frimble skorp blenty tromax wuzzock plindar greech stovik jarnop clumbex".split(
    " ",
  ),
  ..."dwiffer yantro korvish mubblet spraggle thwork zindle oppret fluvon breskin haxter lomdar pivvick rundle".split(
    " ",
  ),
];
export const chinese = [
  ..."糖轮 泡蘑 钢猫 课蝴 饭灯 时灯 市糖 力云 雪帽桥 铜话梅 好彩云 汤钟鸟 蓝鲸伞 课桌鱼 纸鸽灯 轮椅花 银河饼 红烧云".split(
    " ",
  ),
  ..."铁板蝴蝶 棉花课本 汽水钢琴 蜗牛快线 语文拖鞋 松鼠银行 绿豆轮船 铅笔沙滩 胡椒钟楼 樱桃地铁".split(" "),
];

export interface Kind {
  readonly name: string;
  readonly folding: string;
  /** The word in disguise, or undefined where this kind has nothing to change in it. */
  readonly disguise: (word: string, random: () => number) => string | undefined;
}

const shift = (word: string, from: number, to: number, length: number) =>
  [...word]
    .map((c) =>
      c.charCodeAt(0) - from < length && c >= String.fromCharCode(from)
        ? String.fromCodePoint(c.charCodeAt(0) - from + to)
        : c,
    )
    .join("");
const join = (word: string, signs: readonly string[], random: () => number) =>
  [...word].join(signs[Math.floor(random() * signs.length)]!);
const isHan = (word: string) => /\p{sc=Han}/u.test(word);
const some = (word: string, change: (c: string) => string, random: () => number) => {
  const letters = [...word];
  const able = letters.flatMap((c, i) => (change(c) === c ? [] : [i]));
  if (able.length === 0) return undefined;
  const must = able[Math.floor(random() * able.length)];
  return letters.map((c, i) => (i === must || random() < 0.3 ? change(c) : c)).join("");
};

const traditional = new Map(
  Array.from({ length: simplifiedPairs.length / 2 }, (_, i) => [simplifiedPairs[2 * i + 1]!, simplifiedPairs[2 * i]!]),
);
const halves = splitParts((unit) => unit);
const split = (c: string) => {
  const parts = halves.get(c.charCodeAt(0));
  return parts ? String.fromCharCode(...parts) : c;
};
const readings = hanReadings();
const syllable = (c: string) =>
  [...readings.letters[readings.syllable[c.charCodeAt(0)]!]!].map((l) => String.fromCharCode(l + 96)).join("");
const toneOf = (c: string) => readings.of(c.charCodeAt(0))[0]!.tone;
const marks = ["", "\u0304", "\u0301", "\u030c", "\u0300", ""];
const marked = (c: string) => {
  const vowel = /a|e|o(?=u)|[iouv](?![iouv])/.exec(syllable(c))!;
  const at = vowel.index + 1;
  return (syllable(c).slice(0, at) + marks[toneOf(c)]! + syllable(c).slice(at)).normalize("NFC").replaceAll("v", "ü");
};
export const commonCharacters =
  "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无系军很情者最立代想已通并提直题党程展五果料象员革位入常文总次品式活设及管特件长求老头基资边流路级少图山统接知较将组见计别她手角期根论运农指几九区强放决西被干做必战先回则任取据处队南给色光门即保治北造百规热领七海口东导器压志世金增争济阶油思术极交受联什认六共权收证改清己美再采转更单风切打白教速花带安场身车例真务具万每目至达走积示议声报斗完类八离华名确才科张信马节话米整空元况今集温传土许步群广石记需段研界拉林律叫且究观越织装影算低持音众书布复容儿须际商非验连断深难近矿千周委素技备半办青省列习响约支般史感劳便团往酸历市克何除消构府称太准精值号率族维划选标写存候毛亲快效斯院查江型眼王按格养易置派层片始却专状育厂京识适属圆包火住调满县局照参红细引听该铁价严";
const sound = (c: string) => `${syllable(c)}${toneOf(c)}`;
const homophone = (c: string, random: () => number) => {
  const same = [...new Set(commonCharacters)].filter(
    (o) => o !== c && readings.syllable[o.charCodeAt(0)] !== 0 && sound(o) === sound(c),
  );
  return same.length === 0 ? c : same[Math.floor(random() * same.length)]!;
};

const cyrillic: Readonly<Record<string, string>> = { a: "а", c: "с", e: "е", o: "о", p: "р", x: "х", y: "у", i: "і" };
const leet: Readonly<Record<string, string>> = {
  a: "4",
  e: "3",
  i: "1",
  o: "0",
  s: "5",
  t: "7",
  l: "1",
  b: "8",
  z: "2",
};
const latin =
  (change: Kind["disguise"]): Kind["disguise"] =>
  (word, random) =>
    isHan(word) ? undefined : change(word, random);
const han =
  (change: Kind["disguise"]): Kind["disguise"] =>
  (word, random) =>
    isHan(word) ? change(word, random) : undefined;
const asterisks = ["-", ".", "_", "*", "·", "~", "/", "#"];

function withDigit(word: string, digit: string): string {
  return word[0]! + digit + word.slice(1);
}

export const kindsOfEvasion: readonly Kind[] = [
  { name: "as it is", folding: "", disguise: (word) => word },
  { name: "case", folding: "case", disguise: latin((word, random) => some(word, (c) => c.toUpperCase(), random)) },
  { name: "full width", folding: "width", disguise: latin((word) => shift(word, 97, 0xff41, 26)) },
  { name: "circled letters", folding: "width", disguise: latin((word) => shift(word, 97, 0x24d0, 26)) },
  { name: "mathematical letters", folding: "width", disguise: latin((word) => shift(word, 97, 0x1d41a, 26)) },
  {
    name: "zero width",
    folding: "invisible",
    disguise: (word, random) => join(word, ["\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad"], random),
  },
  {
    name: "combining marks",
    folding: "invisible",
    disguise: (word, random) => join(word, ["\u0336", "\u0301", "\u20dd", "\u0489"], random),
  },
  {
    name: "traditional",
    folding: "script",
    disguise: han((word, random) => some(word, (c) => traditional.get(c) ?? c, random)),
  },
  {
    name: "digit styles",
    folding: "digits",
    disguise: (word, random) => withDigit(word, ["⑦", "７", "七", "柒", "٧", "𝟕"][Math.floor(random() * 6)]!),
  },
  {
    name: "look-alike letters",
    folding: "lookalikes",
    disguise: latin((word, random) => some(word, (c) => cyrillic[c] ?? c, random)),
  },
  {
    name: "repeated",
    folding: "repeats",
    disguise: (word, random) => some(word, (c) => c.repeat(3 + Math.floor(random() * 4)), random),
  },
  { name: "punctuation between", folding: "separators", disguise: (word, random) => join(word, asterisks, random) },
  { name: "spaces between", folding: "separators", disguise: (word) => [...word].join(" ") },
  {
    name: "emoji between",
    folding: "separators",
    disguise: (word, random) => join(word, ["😀", "🔥", "❤️", "👉🏻"], random),
  },
  { name: "two halves", folding: "split", disguise: han((word, random) => some(word, split, random)) },
  { name: "pinyin", folding: "pinyin", disguise: han((word) => [...word].map(syllable).join("")) },
  { name: "pinyin in syllables", folding: "pinyin", disguise: han((word) => [...word].map(syllable).join(" ")) },
  { name: "pinyin with tones", folding: "pinyin", disguise: han((word) => [...word].map(marked).join("")) },
  {
    name: "half pinyin",
    folding: "pinyin",
    disguise: han((word, random) => {
      const at = Math.floor(random() * word.length);
      return [...word].map((c, i) => (i === at ? syllable(c) : c)).join("");
    }),
  },
  {
    name: "homophones, 3 characters up",
    folding: "homophones",
    disguise: han((word, random) => (word.length < 3 ? undefined : some(word, (c) => homophone(c, random), random))),
  },
  {
    name: "homophones, 2 characters",
    folding: "homophones",
    disguise: han((word, random) => (word.length > 2 ? undefined : some(word, (c) => homophone(c, random), random))),
  },
  { name: "leetspeak", folding: "leet", disguise: latin((word, random) => some(word, (c) => leet[c] ?? c, random)) },
  {
    name: "case and zero width",
    folding: "several",
    disguise: latin((word, random) => join(word.toUpperCase(), ["\u200b", "\u2060"], random)),
  },
  {
    name: "traditional and spaces",
    folding: "several",
    disguise: han((word) => [...word].map((c) => traditional.get(c) ?? c).join(" ")),
  },
];

/** What the list holds: the words, and for digits each word with a 7 in it. */
export const guardedWords = [...english, ...chinese].flatMap((word) => [word, withDigit(word, "7")]);

export interface Evasion {
  readonly kind: Kind;
  readonly word: string;
  readonly text: string;
}

/** `numEach` disguises of each word by each kind that can change it, within a harmless sentence. */
export function evasions(numEach = 3, seed = 1): Evasion[] {
  const random = mulberry(seed);
  return kindsOfEvasion.flatMap((kind) =>
    [...english, ...chinese].flatMap((word) =>
      Array.from({ length: numEach }, () => kind.disguise(word, random)).flatMap((disguised, i) =>
        disguised === undefined ? [] : [{ kind, word, text: sentence(disguised, isHan(word), i) }],
      ),
    ),
  );
}

/** Every third Chinese one stands between words without a sign to set it off. */
function sentence(disguised: string, isChinese: boolean, i: number): string {
  if (!isChinese) return `is there ${disguised} here`;
  return i % 3 === 2 ? `这里有${disguised}吗` : `这里有「${disguised}」吗`;
}

export function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
