import { describe, expect, it } from "vitest";
import { passageOf } from "./passage.js";

const page =
  "Filters\nWash the outer lid with soap. Replace the filter every 6 months.\nThe pump needs 3.5 bar of pressure.";
const marked = (text: string, answer: string, question = "", number = 1) => {
  const passage = passageOf(text, { question, answer, number });
  return passage && text.slice(passage.from, passage.to);
};

describe("the passage of a page", () => {
  it("is the sentence most like the one that names the page", () => {
    expect(marked(page, "The pump is strong [2]. Change the filter after 6 months [1].")).toBe(
      "Replace the filter every 6 months.",
    );
    expect(marked(page, "It is 3.5 bar of pressure. [1]")).toBe("The pump needs 3.5 bar of pressure.");
    expect(marked(page, "It needs 3.5 bar [2]; wash the lid with soap [1, 3].")).toMatch(/^Wash the outer lid/);
    expect(marked("外壳用肥皂清洗。滤芯每六个月更换一次。", "滤芯要每六个月换【1】。")).toBe("滤芯每六个月更换一次。");
  });

  it("is by the question where the answer does not name the page, and none where nothing is alike", () => {
    expect(marked(page, "Yes.", "How often do I replace the filter?")).toBe("Replace the filter every 6 months.");
    expect(marked(page, "A red dress [1].", "What is it?")).toBeUndefined();
    expect(marked("", "The filter [1].")).toBeUndefined();
  });
});
