/**
 * Whether a place in a text is ordinary Chinese: each of its characters is in a common word with a neighbour, or is one
 * that often stands alone. What is ordinary is no disguise: a word of the list found there by its sound, across a gap or out
 * of halves is an accident (系统重新 is no 系统中心). Facts: the counts of jieba's dictionary (data/); the 100 most frequent
 * surnames (Ministry of Public Security of China, report for 2020).
 */
import { ordinaryPairs, particles, rarerPairs } from "./data/ordinary.js";
import { gaps, type Window } from "./window.js";

const surnames =
  "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢" +
  "姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常";
const codesOf = (list: string): ReadonlySet<number> => new Set(Array.from(list, (c) => c.charCodeAt(0)));
const [alone, families] = [codesOf(particles), codesOf(surnames)];
const key = (a: number, b: number) => a * 0x10000 + b;
const firstHan = 0x4e00;

/** Pair → whether it is frequent. */
let table: ReadonlyMap<number, boolean> | undefined;

function pairs(): ReadonlyMap<number, boolean> {
  const read = (list: string, isCommon: boolean) =>
    list
      .split(" ")
      .flatMap(([head, ...tails]) =>
        tails.map((tail) => [key(head!.charCodeAt(0), tail.charCodeAt(0)), isCommon] as const),
      );
  table ??= new Map([...read(ordinaryPairs, true), ...read(rarerPairs, false)]);
  return table;
}

/** Whether two characters stand together in common words; `word` of another length is none. */
export function isCommonPair(word: string): boolean {
  return word.length === 2 && pairs().get(key(word.charCodeAt(0), word.charCodeAt(1))) === true;
}

/** How ordinary a Chinese word is as it is written: its pairs that are in words, and a surname at its beginning. */
export function ordinariness(word: string): number {
  const codes = Array.from(word, (c) => c.charCodeAt(0));
  return codes.filter((code, i) => (i === 0 ? families.has(code) : pairs().has(key(codes[i - 1]!, code)))).length;
}

/** Whether two characters are the end of one common word and the beginning of the next, and no word themselves (无法轮换). */
export function crossesWords(window: Window, first: number): boolean {
  const isCommon = (a: number, b: number) => pairs().get(key(a, b)) === true;
  const [a, b] = [window.character(first), window.character(first + 1)];
  return isCommon(preceding(window, first), a) && isCommon(b, following(window, first + 1)) && !isCommon(a, b);
}

/** @param any one such character is enough; else all must be. What is not Chinese is not judged. */
export function isOrdinary(window: Window, { first, last }: { first: number; last: number }, any = false): boolean {
  let isAll = true;
  for (let t = first; t <= last; t++) {
    const character = window.character(t);
    if (character < firstHan) continue;
    const isPaired = isPair(preceding(window, t), character) || isPair(character, following(window, t));
    if (any && isPaired) return true;
    isAll &&= isPaired || alone.has(character);
  }
  return isAll;
}

function isPair(a: number, b: number): boolean {
  return pairs().has(key(a, b));
}

/** Whether a character is a surname with a name right behind it (郑 in 记者郑梦熊). */
export function beginsName(window: Window, t: number): boolean {
  const next = following(window, t);
  return families.has(window.character(t)) && next >= firstHan && !alone.has(next);
}

function preceding(window: Window, t: number): number {
  return window.has(t - 1) && window.gap(t) === gaps.none ? window.character(t - 1) : 0;
}

function following(window: Window, t: number): number {
  if (t + 1 === window.size) return window.nextCharacter;
  return window.gap(t + 1) === gaps.none ? window.character(t + 1) : 0;
}
