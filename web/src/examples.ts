/** The package's example pictures with a question for each: a newcomer's first click. */
import labels from "../../examples/pictures/labels.json";
import type { Language } from "./preferences.js";

const urls = import.meta.glob<string>("../../examples/pictures/*.{jpg,png}", {
  query: "?url",
  import: "default",
  eager: true,
});

export interface Example {
  readonly name: string;
  readonly url: string;
  readonly title: string;
  /** Width by height. */
  readonly ratio: number;
  readonly question: string;
}

/** Which of a picture's questions shows it best, and its proportions, so that nothing moves while it loads. */
const shown: Readonly<Record<string, readonly [question: number, ratio: number]>> = {
  "dress.jpg": [0, 4 / 3],
  "shirt.png": [2, 1],
  "boots.jpg": [5, 1],
  "pair.jpg": [1, 4 / 3],
  "window.png": [3, 1],
  "sale.jpg": [0, 1],
  "screen-error.jpg": [3, 4 / 3],
  "screen-done.jpg": [2, 4 / 3],
};

export function examples(language: Language): Example[] {
  return labels.map(({ picture, title, questions }) => {
    const [best, ratio] = shown[picture] ?? [0, 1];
    const own = questions.filter((question) => question.language === language);
    const { question } = own[best] ?? own[0]!;
    return { name: picture, url: urls[`../../examples/pictures/${picture}`]!, title, question, ratio };
  });
}

export function example(name: string): Example {
  return examples("en").find((each) => each.name === name)!;
}
