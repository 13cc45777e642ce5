/** Text in images against the stages of rapidocr-onnxruntime on the same networks: test/golden/ocr/make_golden.py. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { main } from "../src/cli/main.js";
import { ocellusError } from "../src/core/base/ocellus-error.testkit.js";
import { loadTextReader, readText, type TextLine, type TextReader } from "../src/core/runtime/index.js";
import { repository, temporaryFolder } from "./support/folders.js";

interface ReferenceLine {
  readonly quad: readonly (readonly [number, number])[];
  readonly isUpsideDown: boolean;
  readonly text: string;
  readonly score: number;
}

const folder = join(repository, "test/golden/ocr");
const { images } = JSON.parse(readFileSync(join(folder, "golden.json"), "utf8")) as {
  readonly images: Readonly<Record<string, readonly ReferenceLine[]>>;
};
const path = (name: string) =>
  name === "dialog" ? join(repository, "examples/pictures/screen-warning.png") : join(folder, `${name}.png`);

/** Twice the largest difference that was measured: 2 pixels of a corner (both round to whole pixels), 0.033 of a score. */
const cornerTolerance = 4;
const scoreTolerance = 0.067;

let reader: TextReader;
beforeAll(async () => {
  reader = await loadTextReader({ threads: 2 });
});
afterAll(() => reader.close());

const center = (quad: readonly (readonly [number, number])[], axis: 0 | 1) =>
  quad.reduce((sum, point) => sum + point[axis] / 4, 0);

/** The found line that lies where the reference has one. */
function lineAt({ quad }: ReferenceLine, lines: readonly TextLine[]): TextLine {
  const distance = (line: TextLine) =>
    Math.hypot(center(line.quad, 0) - center(quad, 0), center(line.quad, 1) - center(quad, 1));
  return lines.reduce((best, line) => (distance(line) < distance(best) ? line : best));
}

/** Whether a gap is wide enough for a space is a close call of these networks: half a level of grey decides it. */
const withoutSpaces = (text: string) => text.replaceAll(" ", "");

describe("text in images", () => {
  it.each(Object.entries(images))("of %s is the reference's, where the reference has it", async (name, reference) => {
    const { lines, isComplete } = await reader.read(path(name));
    expect(isComplete).toBe(true);
    const certain = reference.filter(({ score }) => score >= 0.5);
    expect(lines).toHaveLength(certain.length);
    for (const expected of certain) {
      const found = lineAt(expected, lines);
      expect(withoutSpaces(found.text)).toBe(withoutSpaces(expected.text));
      expect(Math.abs(found.score - expected.score)).toBeLessThan(scoreTolerance);
      for (const [x, y] of expected.quad)
        expect(Math.min(...found.quad.map(([a, b]) => Math.max(Math.abs(a - x), Math.abs(b - y))))).toBeLessThanOrEqual(
          cornerTolerance,
        );
    }
  });

  it("is in the order of reading, each line where it begins in the whole", async () => {
    const { text, lines } = await reader.read(path("receipt"));
    expect(text.split("\n").map(withoutSpaces)).toEqual([
      ...["海风咖啡馆", "No.20261130-0042", "拿铁咖啡￥32.00"],
      ...["Almondcake￥28.50", "热巧克力￥26.00", "合计Total￥86.50"],
      ...["Questions?Askusatanytime", "电话021-5588-7766", ""],
    ]);
    for (const line of lines) expect(text.startsWith(line.text, line.start)).toBe(true);
  });

  it("has the corners of a line begin where its text does", async () => {
    const { lines } = await reader.read(path("turned"));
    const degreesOff = (wanted: string, degrees: number) => {
      const [[x, y], [endX, endY]] = lines.find(({ text }) => withoutSpaces(text) === wanted)!.quad;
      const off = (Math.atan2(endY - y, endX - x) / Math.PI) * 180 - degrees;
      return Math.abs(((off + 540) % 360) - 180);
    };
    expect(degreesOff("EMERGENCYEXIT", 14)).toBeLessThan(3);
    expect(degreesOff("Thissideup", 180)).toBeLessThan(3);
    expect(degreesOff("Warehouse7East", 90)).toBeLessThan(3);
  });

  it("has places in the image as it is shown, whatever EXIF says of its rows", async () => {
    const upright = await reader.read(path("dialog"));
    const stored = await sharp(path("dialog"))
      .rotate(-90)
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 95 })
      .toBuffer();
    const found = await reader.read(stored);
    expect([found.width, found.height]).toEqual([upright.width, upright.height]);
    expect(found.text).toBe(upright.text);
    for (const [i, { box }] of found.lines.entries())
      for (const [side, at] of box.entries())
        expect(Math.abs(at - upright.lines[i]!.box[side]!)).toBeLessThanOrEqual(cornerTolerance);
  });

  it("is none in an image without text, and at most as many lines as are asked for", async () => {
    const plain = { width: 64, height: 40, data: new Uint8Array(64 * 40 * 3).fill(200) };
    expect(await reader.read(plain)).toEqual({ width: 64, height: 40, lines: [], text: "", isComplete: true });
    const { lines, isComplete } = await reader.read(path("receipt"), { maxLines: 2 });
    expect([lines.length, isComplete]).toEqual([2, false]);
  });

  it("is given up between two lines when the caller leaves", async () => {
    const controller = new AbortController();
    const done: number[] = [];
    const onLine = (line: number) => {
      done.push(line);
      if (line === 2) controller.abort();
    };
    const reading = reader.read(path("receipt"), { signal: controller.signal, onLine });
    await expect(reading).rejects.toThrow(ocellusError("aborted"));
    expect(done).toEqual([1, 2]);
  });

  it("is refused with options that there are not, values out of range, and after closing", async () => {
    const refused = (options: object) => reader.read(path("dialog"), options);
    await expect(refused({ minscore: 1 })).rejects.toThrow(ocellusError("invalid_request", { param: "minscore" }));
    await expect(refused({ minScore: 1.5 })).rejects.toThrow(ocellusError("invalid_request", { param: "minScore" }));
    await expect(refused({ maxLines: 0 })).rejects.toThrow(ocellusError("invalid_request", { param: "maxLines" }));
    await expect(refused({ maxPixels: 100 })).rejects.toThrow(ocellusError("too_large"));
    await expect(readText(path("missing"))).rejects.toThrow(ocellusError("not_found"));
    const other = await loadTextReader({ threads: 1 });
    await Promise.all([other.close(), other.close()]);
    await expect(other.read(path("dialog"))).rejects.toThrow(ocellusError("closed"));
  });
});

describe("ocellus read", () => {
  async function ocellus(...argv: string[]): Promise<{ code: number; stdout: string }> {
    let stdout = "";
    vi.spyOn(process.stderr, "write").mockReturnValue(true);
    vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      stdout += text;
      return true;
    });
    const code = await main(argv);
    vi.restoreAllMocks();
    return { code, stdout };
  }

  it("prints the text of each image, or all that is known as JSON, and draws the boxes", async () => {
    const drawn = join(temporaryFolder(), "lines.png");
    const { code, stdout } = await ocellus("read", path("dialog"), "--draw", drawn);
    expect([code, withoutSpaces(stdout)]).toEqual([0, "WarningX\n507\nLowdiskspace\nIgnore\n"]);
    const { width, height } = await sharp(path("dialog")).metadata();
    expect(await sharp(drawn).metadata()).toMatchObject({ width, height });
    const both = await ocellus("read", path("dialog"), path("dialog"), "--json", "--min-score", "1");
    expect(JSON.parse(both.stdout)).toEqual({
      images: [0, 1].map(() => ({ image: path("dialog"), width, height, lines: [], text: "", isComplete: true })),
    });
    expect((await ocellus("read", path("dialog"), path("dialog"), "--draw", drawn)).code).toBe(2);
  });
});
