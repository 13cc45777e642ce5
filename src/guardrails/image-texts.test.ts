import { expect, it } from "vitest";
import type { ImageText, ReadTextOptions } from "../core/ocr/index.js";
import { ImageTexts } from "./image-texts.js";
import type { ImageSubject } from "./verdict.js";

const text: ImageText = { width: 1, height: 1, lines: [], text: "", isComplete: true };

it("reads lines of any certainty: a model may read what OCR is unsure of", async () => {
  const asked: (ReadTextOptions | undefined)[] = [];
  const texts = new ImageTexts(async () => ({
    async read(_image, options) {
      asked.push(options);
      return text;
    },
    async close() {},
  }));
  await texts.open();
  const subject = { kind: "image", digest: "a", pixels: async () => ({}) } as unknown as ImageSubject;
  await texts.read(subject, new AbortController().signal);
  expect(asked).toMatchObject([{ minScore: 0 }]);
  await texts.close();
});
