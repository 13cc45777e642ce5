/** Bopomofo as the letters of Hanyu Pinyin, without tones (ü as v). Facts: ISO 7098, the table of syllables in two scripts. */
const initials = "ㄅb ㄆp ㄇm ㄈf ㄉd ㄊt ㄋn ㄌl ㄍg ㄎk ㄏh ㄐj ㄑq ㄒx ㄓzh ㄔch ㄕsh ㄖr ㄗz ㄘc ㄙs";
const finals = "ㄚa ㄛo ㄜe ㄝe ㄞai ㄟei ㄠao ㄡou ㄢan ㄣen ㄤang ㄥeng ㄦer";
/** Behind an initial, and at the beginning of a syllable. */
const medials =
  "ㄧ:i:yi ㄧㄚ:ia:ya ㄧㄛ:io:yo ㄧㄝ:ie:ye ㄧㄞ:iai:yai ㄧㄠ:iao:yao ㄧㄡ:iu:you ㄧㄢ:ian:yan ㄧㄣ:in:yin ㄧㄤ:iang:yang ㄧㄥ:ing:ying " +
  "ㄨ:u:wu ㄨㄚ:ua:wa ㄨㄛ:uo:wo ㄨㄞ:uai:wai ㄨㄟ:ui:wei ㄨㄢ:uan:wan ㄨㄣ:un:wen ㄨㄤ:uang:wang ㄨㄥ:ong:weng " +
  "ㄩ:v:yu ㄩㄝ:ve:yue ㄩㄢ:van:yuan ㄩㄣ:vn:yun ㄩㄥ:iong:yong";

const pairs = (text: string) => new Map(text.split(" ").map((pair) => [pair[0]!, pair.slice(1)] as const));
const initialLetters = pairs(initials);
const finalLetters = pairs(finals);
const medialLetters = new Map(
  medials.split(" ").map((entry) => {
    const [sounds, behind, alone] = entry.split(":");
    return [sounds!, { behind: behind!, alone: alone! }] as const;
  }),
);

const syllable = /([ㄅ-ㄙ]?)([ㄧ-ㄩ]?[ㄚ-ㄦ]?)[ˊˇˋ˙ˉ]?/gu;

export function pinyinOf(bopomofo: string): string {
  return bopomofo.replace(syllable, (_, initial: string, rest: string) => {
    const head = initialLetters.get(initial) ?? "";
    const medial = medialLetters.get(rest);
    if (medial === undefined) return head + (rest === "" ? (/^(?:[zcs]h?|r)$/.test(head) ? "i" : "") : tail(rest));
    if (head === "") return medial.alone;
    return head + (/^[jqx]$/.test(head) ? medial.behind.replace("v", "u") : medial.behind);
  });
}

/** A medial and a final that make no syllable are read one after the other. */
function tail(rest: string): string {
  return [...rest].map((sound) => finalLetters.get(sound) ?? medialLetters.get(sound)?.behind ?? "").join("");
}
