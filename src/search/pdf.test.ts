import { readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { isPdf, PdfDocument } from "./pdf.js";
import { makePdf } from "./pdf.testkit.js";

const jpeg = readFileSync(join(import.meta.dirname, "../../examples/pictures/dress.jpg"));

describe("a PDF", () => {
  it("becomes a picture and its text, page by page, within the side that was asked for", async () => {
    const bytes = await makePdf(["Replace the filter (part 7)", { jpeg, text: "scanned words" }, ""], [400, 800]);
    expect(isPdf(bytes)).toBe(true);
    const pdf = await PdfDocument.open(bytes, "manual.pdf");
    expect(pdf.numPages).toBe(3);
    const [first, second, third] = [await pdf.page(1, 500), await pdf.page(2, 64), await pdf.page(3, 100)];
    expect(first.text).toBe("Replace the filter (part 7)");
    expect([first.image.width, first.image.height, first.image.data.length]).toEqual([250, 500, 250 * 500 * 3]);
    expect(first.image.data.slice(0, 3)).toEqual(Uint8Array.of(255, 255, 255));
    expect(darkest(first.image.data)).toBeLessThan(100); // ink
    expect(second.text).toBe("scanned words");
    const { width, height, data } = second.image;
    const expected = await sharp(jpeg).resize(width, height, { fit: "fill" }).removeAlpha().raw().toBuffer();
    const error = data.reduce((sum, value, i) => sum + Math.abs(value - expected[i]!), 0) / data.length;
    expect(error).toBeLessThan(8);
    expect([third.text, darkest(third.image.data)]).toEqual(["", 255]);
    await pdf.close();
  });

  it("that is none, is cut short or has a page that is not there, is refused by name", async () => {
    const whole = await makePdf(["one"]);
    for (const bytes of [Buffer.from("garbage"), whole.subarray(0, 60), Buffer.alloc(0)])
      await expect(PdfDocument.open(bytes, "bad.pdf")).rejects.toMatchObject({
        code: "invalid_file",
        message: expect.stringMatching(/^bad\.pdf: the PDF cannot be read: /),
      });
    const pdf = await PdfDocument.open(whole, "short.pdf");
    await expect(pdf.page(2, 100)).rejects.toThrow(/^short\.pdf, page 2: the PDF cannot be read: /);
    await pdf.close();
  });
});

function darkest(data: Uint8Array): number {
  return data.reduce((low, value) => Math.min(low, value), 255);
}
