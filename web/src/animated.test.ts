import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { isAnimated } from "./animated.js";

const colours = ["red", "teal", "navy"];
const frame = (background: string) =>
  sharp({ create: { width: 8, height: 6, channels: 3, background } })
    .png()
    .toBuffer();

async function encoded(format: "gif" | "webp", numFrames: number): Promise<Uint8Array> {
  const frames = await Promise.all(colours.slice(0, numFrames).map(frame));
  const joined = numFrames > 1 ? sharp(frames, { join: { animated: true } }) : sharp(frames[0]!);
  return joined.toFormat(format).toBuffer();
}

/** A chunk of no meaning but its name: its checksum is not looked at. */
function chunk(name: string, size: number): number[] {
  return [0, 0, 0, size, ...Buffer.from(name), ...Array<number>(size + 4).fill(0)];
}

describe("isAnimated", () => {
  it.each(["gif", "webp"] as const)("tells a %s of one frame from one of more", async (format) => {
    expect(isAnimated(await encoded(format, 1))).toBe(false);
    expect(isAnimated(await encoded(format, 2))).toBe(true);
    expect(isAnimated(await encoded(format, 3))).toBe(true);
  });

  it("tells an animated PNG by the chunk before its first data", () => {
    const head = [0x89, ...Buffer.from("PNG\r\n\x1a\n"), ...chunk("IHDR", 13)];
    expect(isAnimated(Uint8Array.from([...head, ...chunk("acTL", 8), ...chunk("IDAT", 2)]))).toBe(true);
    expect(isAnimated(Uint8Array.from([...head, ...chunk("IDAT", 2), ...chunk("acTL", 8)]))).toBe(false);
  });

  it("ends on any bytes, however the file is cut", async () => {
    for (const bytes of [await encoded("gif", 2), await encoded("webp", 2), await frame("red")])
      for (let size = 0; size < bytes.length; size++) expect(isAnimated(bytes.subarray(0, size))).toBeTypeOf("boolean");
    expect(isAnimated(Uint8Array.from(Buffer.from("GIF89a")))).toBe(false);
  });
});
