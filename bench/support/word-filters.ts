/** The word filters of npm, each given our words through its own documented way; those that are not installed are left out. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export interface Filter {
  readonly name: string;
  readonly finds: (text: string) => boolean;
}

// biome-ignore lint/suspicious/noExplicitAny: packages that this project does not depend on have no types here
type Loaded = any;
type Open = (loaded: Loaded, words: readonly string[]) => Filter["finds"];

const filters: Readonly<Record<string, Open>> = {
  "bad-words": ({ Filter }, words) => {
    const filter = new Filter({ emptyList: true });
    filter.addWords(...words);
    return (text) => filter.isProfane(text);
  },
  obscenity: ({ DataSet, RegExpMatcher, parseRawPattern, englishRecommendedTransformers }, words) => {
    const data = new DataSet();
    for (const word of words)
      data.addPhrase((p: Loaded) => p.setMetadata({ originalWord: word }).addPattern(parseRawPattern(word)));
    const matcher = new RegExpMatcher({ ...data.build(), ...englishRecommendedTransformers });
    return (text) => matcher.hasMatch(text);
  },
  "leo-profanity": ({ default: filter }, words) => {
    filter.clearList();
    filter.add([...words]);
    return (text) => filter.check(text);
  },
  "@2toad/profanity": ({ Profanity }, words) => {
    const filter = new Profanity({ wholeWord: false });
    filter.addWords([...words]);
    return (text) => filter.exists(text);
  },
  "mint-filter": (loaded, words) => {
    const Mint = loaded.MintFilter ?? loaded.default?.default ?? loaded.default;
    const filter = new Mint([...words]);
    return (text) => !filter.verify(text);
  },
  "sensitive-word-tool": (loaded, words) => {
    const Tool = loaded.SensitiveWordTool ?? loaded.default?.default ?? loaded.default;
    const filter = new Tool({ wordList: [...words] });
    return (text) => filter.verify(text);
  },
};

export async function openFilters(words: readonly string[]): Promise<Filter[]> {
  const require = createRequire(join(import.meta.dirname, "../word-peers/package.json"));
  const opened: Filter[] = [];
  for (const [name, open] of Object.entries(filters)) {
    try {
      const loaded = await import(pathToFileURL(require.resolve(name)).href);
      opened.push({ name, finds: open(loaded, words) });
    } catch (error) {
      console.log(`(without ${name}: ${(error as Error).message.split("\n")[0]})`);
    }
  }
  return opened;
}
