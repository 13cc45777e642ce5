import { readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { ocellusError } from "../base/ocellus-error.testkit.js";
import { isPdf, PdfDocument } from "./pdf.js";
import { makePdf } from "./pdf.testkit.js";

const jpeg = readFileSync(join(import.meta.dirname, "../../../examples/pictures/dress.jpg"));

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

  it("has what was filled into its form and noted on it, but not what a reader does not see", async () => {
    const field = (rest: string, at = 700) => `/Subtype /Widget /F 4 /Rect [40 ${at} 300 ${at + 20}] ${rest}`;
    const note = (subtype: string, text: string, rest = "") =>
      `/Subtype /${subtype} /Rect [40 100 60 120] /Contents ${text} ${rest}`;
    const marks = "<< /N << /Yes 5 0 R /Off 5 0 R >> >>"; // any stream is a drawn mark; this is the page's own
    const annotations = [
      field("/FT /Tx /T (name) /TU (Full name) /V (Ada Lovelace) /DA (/F1 12 Tf 0 g)", 500),
      field(`/FT /Tx /T (city) /V ${utf16("深圳")}`),
      field("/FT /Tx /T (empty) /V ()"),
      field("/FT /Tx /T (pin) /Ff 8192 /V (never read)"),
      field("/FT /Ch /Ff 131072 /T (size) /Opt [(small) (large)] /V (large)"),
      field(`/FT /Btn /T (agreed) /V /Yes /AS /Yes /AP ${marks}`),
      field(`/FT /Btn /T (news) /V /Off /AS /Off /AP ${marks}`),
      field("/FT /Btn /Ff 65536 /T (push)"),
      note("Text", "(Order seal kit 4471)"),
      note("FreeText", utf16("请检查密封圈"), "/DA (/F1 12 Tf 0 g)"),
      note("Highlight", "(worn)", "/QuadPoints [40 120 60 120 40 100 60 100]"),
      note("Text", "(hidden words)", "/F 2"),
      note("Popup", "(a copy of the note)"),
    ];
    const pdf = await PdfDocument.open(await makePdf(["Form 7", "second"], [612, 792], { annotations }), "form.pdf");
    const [first, second] = [await pdf.page(1, 792), await pdf.page(2, 100)];
    expect(first.text.split("\n")).toEqual([
      ...["Form 7", "Full name: Ada Lovelace", "city: 深圳", "size: large", "agreed: Yes"],
      ...["Order seal kit 4471", "请检查密封圈", "worn"],
    ]);
    const { width, data } = first.image;
    expect(darkest(data.subarray(3 * width * (792 - 520), 3 * width * (792 - 500)))).toBeLessThan(100); // the name is drawn
    expect(second.text).toBe("second");
    await pdf.close();
  });

  it("has at most so many characters of notes a page as of text, and says where there are more", async () => {
    const note = (i: number) => `/Subtype /Text /Rect [40 100 60 120] /Contents (${i}${"a".repeat(59_999)})`;
    const notesOf = async (count: number) => {
      const annotations = Array.from({ length: count }, (_, i) => note(i));
      const pdf = await PdfDocument.open(await makePdf([""], [612, 792], { annotations }), "notes.pdf");
      const { notes, areNotesCut } = await pdf.text(1);
      await pdf.close();
      return [notes.map(([first]) => first), areNotesCut];
    };
    expect(await notesOf(3)).toEqual([["0", "1", "2"], false]);
    expect(await notesOf(6)).toEqual([["0", "1", "2"], true]);
  });

  it("that is none, is cut short or has a page that is not there, is refused by name", async () => {
    const whole = await makePdf(["one"]);
    for (const bytes of [Buffer.from("garbage"), whole.subarray(0, 60), Buffer.alloc(0)])
      await expect(PdfDocument.open(bytes, "bad.pdf")).rejects.toThrow(
        ocellusError("invalid_file", { source: "bad.pdf", format: "pdf" }),
      );
    const locked = await makePdf(["one"], undefined, { isLocked: true });
    await expect(PdfDocument.open(locked, "locked.pdf")).rejects.toThrow(
      ocellusError("invalid_file", { source: "locked.pdf", isLocked: true }),
    );
    const pdf = await PdfDocument.open(whole, "short.pdf");
    await expect(pdf.page(2, 100)).rejects.toThrow(
      ocellusError("invalid_file", { source: "short.pdf, page 2", format: "pdf" }),
    );
    await pdf.close();
  });
});

/** As PDF writes what Latin letters do not: big-endian, after a byte order mark. */
function utf16(text: string): string {
  return `<FEFF${Buffer.from(text, "utf16le").swap16().toString("hex")}>`;
}

function darkest(data: Uint8Array): number {
  return data.reduce((low, value) => Math.min(low, value), 255);
}
