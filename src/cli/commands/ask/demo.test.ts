import { describe, expect, it } from "vitest";
import { sideBySide } from "./demo.js";

describe("sideBySide", () => {
  it("keeps the text in one column beside the picture, and below it", () => {
    expect(sideBySide(["▀▀▀", "▀▀▀"], 3, ["one", "two", "three"])).toEqual(["▀▀▀  one", "▀▀▀  two", "     three"]);
  });

  it("continues with the picture where the text has ended", () => {
    expect(sideBySide(["▀▀", "▀▀"], 2, ["one"])).toEqual(["▀▀  one", "▀▀"]);
  });

  it("is the text alone where nothing is drawn", () => {
    expect(sideBySide([], 28, ["one", "two"])).toEqual(["one", "two"]);
  });
});
