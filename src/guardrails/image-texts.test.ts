import { expect, it, vi } from "vitest";
import type { ImageText, ReadTextOptions } from "../core/ocr/index.js";
import { ImageTexts } from "./image-texts.js";
import type { ImageSubject } from "./verdict.js";

const text: ImageText = { width: 1, height: 1, lines: [], text: "", isComplete: true };
const asked: (ReadTextOptions | undefined)[] = [];
vi.mock("../core/ocr/index.js", () => ({
  loadTextReader: async () => ({
    read: async (_: unknown, options?: ReadTextOptions) => {
      asked.push(options);
      return text;
    },
    close: async () => {},
  }),
}));

it("reads lines of any certainty: a model may read what OCR is unsure of", async () => {
  const texts = new ImageTexts();
  await texts.open();
  const subject = { kind: "image", digest: "a", pixels: async () => ({}) } as unknown as ImageSubject;
  await texts.read(subject, new AbortController().signal);
  expect(asked).toMatchObject([{ minScore: 0 }]);
  await texts.close();
});
