/** The package's example pictures with a question for each: a newcomer's first click. */
import labels from "../../examples/pictures/labels.json";
import type { Language } from "./preferences.js";

interface ExamplePicture {
  readonly name: string;
  readonly url: string;
}

export interface Example {
  readonly pictures: readonly ExamplePicture[];
  readonly title: string;
  /** Width by height of a picture, so that nothing moves while it loads. */
  readonly ratio: number;
  readonly question: string;
}

/** The kind of question that shows an example best; of the others, the first. */
const best: Readonly<Record<string, string>> = {
  "shirt.png": "colour",
  "boots.jpg": "price",
  "pair.jpg": "class",
  "window.png": "count",
  "coat.jpg": "match",
  "screen-error.jpg": "advice",
  "screen-done.jpg": "code",
  "bag-cyan.jpg": "same-price",
};

/** Three that show what it is for: to name what is seen, to read, and to say what follows. The demo model answers them right. */
const sharp: Readonly<Record<string, Readonly<Record<Language, string>>>> = {
  "dress.jpg": { en: "Describe this product.", zh: "描述这件商品。" },
  "boots.jpg": { en: "How much is it?", zh: "价格是多少？" },
  "screen-error.jpg": { en: "What should the customer do now?", zh: "客户现在该怎么做？" },
};

export function sharpExamples(language: Language): Example[] {
  const all = examples(language);
  return Object.entries(sharp).map(([name, questions]) => {
    const found = all.find(({ pictures }) => pictures[0]!.name === name)!;
    return { ...found, question: questions[language] };
  });
}

export function examples(language: Language): Example[] {
  const [, ...others] = labels.filter(isForeign); // of the pictures that the model does not know, one is enough
  const shown = labels.filter((label) => !others.includes(label));
  return shown.map(({ picture, more = [], title, size: [width, height], questions }) => {
    const own = questions.filter((question) => question.language === language);
    const { question } = own.find(({ kind }) => kind === best[picture]) ?? own[0]!;
    return { pictures: [picture, ...more].map(pictureNamed), title, question, ratio: width! / height! };
  });
}

function isForeign({ questions }: (typeof labels)[number]): boolean {
  return questions.every(({ kind }) => kind === "foreign");
}

/** The server has them from the package's examples: it does not hold them twice. */
export function pictureNamed(name: string): ExamplePicture {
  return { name, url: `assets/pictures/${name}` };
}
