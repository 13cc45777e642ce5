import { expect, it } from "vitest";
import type { WireDocumentPage } from "../../protocol/index.js";
import { collected } from "./documents.js";

it("collects pages up to a bound on the whole answer, and takes no more of them then", async () => {
  const markdown = "a".repeat(2 ** 23);
  let numTaken = 0;
  let hasEnded = false;
  async function* pages(count: number) {
    try {
      while (numTaken < count) yield { page: ++numTaken, markdown } as WireDocumentPage;
    } finally {
      hasEnded = true;
    }
  }
  await expect(collected(pages(3))).resolves.toHaveLength(3);
  numTaken = 0;
  hasEnded = false;
  await expect(collected(pages(9))).rejects.toMatchObject({ code: "too_large", details: { param: "pages", page: 4 } });
  expect([numTaken, hasEnded]).toEqual([4, true]);
});
