import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { crc32, deflateSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import type { OcellusError } from "../../base/index.js";
import { ocellusError } from "../../base/ocellus-error.testkit.js";
import { decodeImage, pixelDigest } from "./index.js";

interface Fixture {
  readonly bitmaps: { name: string; file: string; data: string }[];
  readonly cmykJpeg: string;
}
const fixture: Fixture = JSON.parse(readFileSync(join(import.meta.dirname, "../fixtures/pillow.json"), "utf8"));

const folder = mkdtempSync(join(tmpdir(), "ocellus-image-"));
afterAll(() => rmSync(folder, { recursive: true }));

function inFolder(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** Red, green / blue, white: every turn and flip of it is another picture. */
const corners = Buffer.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255]);
const raw = (data: Buffer, width: number, height: number, channels: 1 | 2 | 3 | 4 = 3) =>
  sharp(data, { raw: { width, height, channels } });
const noise = Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, i) => Math.imul(i, 2654435761) >>> 24));
const noiseImage = () => raw(noise, 64, 64);
const cornersPng = await raw(corners, 2, 2).png().toBuffer();

async function failure(promise: Promise<unknown>): Promise<OcellusError> {
  return promise.then(
    () => expect.fail("it was accepted"),
    (error) => error,
  );
}

describe("decodeImage reads", () => {
  it.each(["jpeg", "png", "webp", "gif", "avif", "tiff"] as const)("%s", async (format) => {
    const flat = raw(Buffer.alloc(64 * 48 * 3, Buffer.from([200, 100, 50])), 64, 48);
    const { width, height, data } = await decodeImage(await flat.toFormat(format).toBuffer());
    expect([width, height, data.length]).toEqual([64, 48, 64 * 48 * 3]);
    for (const [c, value] of [200, 100, 50].entries()) expect(Math.abs(data[c]! - value)).toBeLessThanOrEqual(4);
  });

  it.each(fixture.bitmaps)("a BMP of $name as Pillow does", async ({ file, data }) => {
    const image = await decodeImage(Buffer.from(file, "base64"));
    expect([image.width, image.height]).toEqual([5, 3]);
    expect(Buffer.from(image.data).toString("base64")).toBe(data);
  });

  it("all eight EXIF orientations", async () => {
    const shown = new Map<number, string>();
    const colours = { R: [255, 0, 0], G: [0, 255, 0], B: [0, 0, 255], W: [255, 255, 255] };
    const stored = Buffer.from([..."RGBWWR"].flatMap((letter) => colours[letter as keyof typeof colours]));
    for (let orientation = 1; orientation <= 8; orientation++) {
      const file = await raw(stored, 3, 2).png().withMetadata({ orientation }).toBuffer();
      const { width, height, data } = await decodeImage(file);
      const letters = Array.from({ length: 6 }, (_, i) => letterOf(data.subarray(i * 3, i * 3 + 3)));
      const rows = Array.from({ length: height }, (_, y) => letters.slice(y * width, (y + 1) * width).join(""));
      shown.set(orientation, rows.join("/"));
    }
    // By the letter of EXIF: where the stored first row and first column belong.
    expect([...shown.values()]).toEqual([
      ...["RGB/WWR", "BGR/RWW", "RWW/BGR", "WWR/RGB"],
      ...["RW/GW/BR", "WR/WG/RB", "RB/WG/WR", "BR/GW/RW"],
    ]);
  });

  it("transparent pixels over white", async () => {
    const rgba = Buffer.from([255, 0, 0, 128, 9, 9, 9, 0, 10, 20, 30, 255]);
    const { data } = await decodeImage(await raw(rgba, 3, 1, 4).png().toBuffer());
    expect([...data]).toEqual([255, 127, 127, 255, 255, 255, 10, 20, 30]);
  });

  it("grey, with and without transparency, as three equal channels", async () => {
    const grey = await raw(Buffer.from([10, 200]), 2, 1, 1)
      .toColourspace("b-w")
      .png()
      .toBuffer();
    expect([...(await decodeImage(grey)).data]).toEqual([10, 10, 10, 200, 200, 200]);
    const veiled = await raw(Buffer.from([10, 255, 200, 0]), 2, 1, 2)
      .toColourspace("b-w")
      .png()
      .toBuffer();
    expect([...(await decodeImage(veiled)).data]).toEqual([10, 10, 10, 255, 255, 255]);
  });

  it("16-bit PNG by its high bytes", async () => {
    const wide = await decodeImage(
      png(2, 1, 16, 2, Buffer.from([0x12, 0x34, 0xff, 0xff, 0x80, 0, 0, 0, 0x7f, 0xff, 1, 0])),
    );
    expect([...wide.data]).toEqual([0x12, 0xff, 0x80, 0, 0x7f, 1]);
  });

  it("CMYK JPEG in its true colours", async () => {
    const { data } = await decodeImage(Buffer.from(fixture.cmykJpeg, "base64"));
    const [red, green, blue] = data;
    expect(red).toBeGreaterThan(200); // an orange; a reader that misses Adobe's inversion gives a dark blue
    expect(green).toBeGreaterThan(60);
    expect(green).toBeLessThan(160);
    expect(blue).toBeLessThan(90);
  });

  it("the first frame of an animated GIF", async () => {
    const frames = Buffer.concat([
      Buffer.alloc(300, Buffer.from([255, 0, 0])),
      Buffer.alloc(300, Buffer.from([0, 0, 255])),
    ]);
    const file = await sharp(frames, { raw: { width: 10, height: 20, channels: 3, pageHeight: 10 } })
      .gif()
      .toBuffer();
    expect((await sharp(file).metadata()).pages).toBe(2);
    const { height, data } = await decodeImage(file);
    expect([height, ...data.subarray(0, 3)]).toEqual([10, 255, 0, 0]);
  });
});

/** A PNG of our own making: any header over any pixels. */
function png(width: number, height: number, depth: number, colourType: number, pixels: Buffer): Buffer {
  const chunk = (type: string, body: Buffer) => {
    const out = Buffer.alloc(body.length + 12);
    out.writeUInt32BE(body.length, 0);
    out.write(type, 4, "latin1");
    body.copy(out, 8);
    out.writeUInt32BE(crc32(out.subarray(4, -4)), body.length + 8);
    return out;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colourType], 8);
  const data = deflateSync(Buffer.concat([Buffer.of(0), pixels]));
  const magic = Buffer.from("89504e470d0a1a0a", "hex");
  return Buffer.concat([magic, chunk("IHDR", header), chunk("IDAT", data), chunk("IEND", Buffer.alloc(0))]);
}

function letterOf(rgb: Uint8Array): string {
  const letters: Record<string, string> = { "255,0,0": "R", "0,255,0": "G", "0,0,255": "B", "255,255,255": "W" };
  return letters[rgb.join()] ?? "?";
}

describe("decodeImage takes", () => {
  const path = inFolder("corners with space.png", cornersPng);
  const expected = { width: 2, height: 2, data: new Uint8Array(corners) };
  it.each([
    ["a path", path],
    ["a file URL", pathToFileURL(path)],
    ["a file URL as text", pathToFileURL(path).href],
    ["a data: URL", `data:image/png;base64,${cornersPng.toString("base64")}`],
    ["a data: URL with a wrong type", `data:image/jpeg;base64,${cornersPng.toString("base64")}`],
    ["bytes", new Uint8Array(cornersPng)],
    ["an ArrayBuffer", new Uint8Array(cornersPng).buffer],
    ["a Blob", new Blob([new Uint8Array(cornersPng)])],
    ["pixels", expected],
  ])("%s", async (_, input) => {
    expect(await decodeImage(input)).toEqual(expected);
  });

  it("a PNG named .jpg", async () => {
    expect(await decodeImage(inFolder("wrong.jpg", cornersPng))).toEqual(expected);
  });

  it("an address, following redirects", async () => {
    const visited: string[] = [];
    const fetch = (async (url: string) => {
      visited.push(url);
      if (visited.length === 1) return new Response(null, { status: 302, headers: { location: "/b.png" } });
      return new Response(new Uint8Array(cornersPng));
    }) as typeof globalThis.fetch;
    expect(await decodeImage("https://example.com/a.png", { fetch })).toEqual(expected);
    expect(visited).toEqual(["https://example.com/a.png", "https://example.com/b.png"]);
  });
});

describe("decodeImage refuses", () => {
  it.each(["jpeg", "png", "webp", "gif", "avif", "tiff"] as const)("a truncated %s at any length", async (format) => {
    const whole = await noiseImage().toFormat(format).toBuffer();
    for (const share of [0.01, 0.1, 0.5, 0.9, 0.99]) {
      const { code, details } = await failure(decodeImage(whole.subarray(0, Math.ceil(whole.length * share))));
      expect([code, details.format ?? details.found]).toEqual([
        "invalid_image",
        expect.stringMatching(`^(${format}|text|bytes of no known kind)$`),
      ]);
    }
  });

  it("a truncated BMP", async () => {
    const whole = Buffer.from(fixture.bitmaps[0]!.file, "base64");
    for (const length of [20, 54, whole.length - 1])
      expect(await failure(decodeImage(whole.subarray(0, length)))).toEqual(
        ocellusError("invalid_image", { format: "bmp", found: length }),
      );
  });

  it("a bomb by its header, without decoding it", async () => {
    const bomb = png(40_000, 40_000, 8, 2, Buffer.alloc(10));
    const started = process.memoryUsage.rss();
    expect(await failure(decodeImage(bomb))).toEqual(
      ocellusError("too_large", { width: 40_000, height: 40_000, maxPixels: 100_000_000 }),
    );
    expect(process.memoryUsage.rss() - started).toBeLessThan(500e6); // its pixels alone are 4.8 GB
  });

  it("a long thin bomb", async () => {
    expect(await failure(decodeImage(png(70_000, 1, 8, 2, Buffer.alloc(10))))).toEqual(
      ocellusError("too_large", { width: 70_000, maxSide: 65_535 }),
    );
  });

  it("a BMP bomb, and more pixels than the caller allows", async () => {
    const bomb = Buffer.from(fixture.bitmaps[0]!.file, "base64");
    bomb.writeInt32LE(60_000, 18);
    bomb.writeInt32LE(60_000, 22);
    expect((await failure(decodeImage(bomb))).code).toBe("too_large");
    expect((await failure(decodeImage(cornersPng, { maxPixels: 3 }))).code).toBe("too_large");
    expect((await failure(decodeImage({ width: 2, height: 2, data: corners }, { maxPixels: 3 }))).code).toBe(
      "too_large",
    );
  });

  it.each([
    ["an HTML page", "<!DOCTYPE html><html>"],
    ["an SVG drawing", '<?xml version="1.0"?>\n<!-- by hand -->\n<svg xmlns="http://www.w3.org/2000/svg"/>'],
    ["an HTML page", `\ufeff \n${"<!-- a -->\n".repeat(9)}<!DocType HTML>`],
    ["a PDF document", "%PDF-1.7\n"],
    ["a zip archive", "PK\x03\x04rest"],
    ["a HEIC image", "\0\0\0\x18ftypheic\0\0\0\0mif1heic"],
    ["a Git LFS pointer", "version https://git-lfs.github.com/spec/v1\n"],
    ["text", "hello"],
    ["bytes of no known kind", "\0\x01\x02\x03"],
  ])("%s named .jpg, saying what it is", async (name, content) => {
    expect(await failure(decodeImage(inFolder("not.jpg", content)))).toEqual(
      ocellusError("invalid_image", {
        source: expect.stringMatching(/not\.jpg$/),
        found: expect.stringMatching(`^${name}`),
      }),
    );
  });

  it.each([
    ["a path that is not there", "no/such.png", "not_found", { path: "no/such.png", errno: "ENOENT" }],
    ["a folder", folder, "invalid_request", { path: folder, expected: "file" }],
    [
      "an address without its scheme",
      "www.example.com/a.png",
      "not_found",
      { path: "www.example.com/a.png", missing: "scheme" },
    ],
    ["base64 without data:", cornersPng.toString("base64"), "invalid_request", { expected: "path", found: "base64" }],
    ["a data: URL that is not base64", "data:image/png,abc", "invalid_request", { expected: "data:image/…;base64,…" }],
    ["a data: URL with other letters", "data:image/png;base64,!!!", "invalid_request", { expected: "base64" }],
    ["a foreign scheme", "s3://bucket/a.png", "invalid_request", { scheme: "s3" }],
    ["an empty file", new Uint8Array(0), "invalid_image", { found: "nothing" }],
    ["a number", 7 as never, "invalid_request", { found: "[object Number]" }],
    ["nothing", null as never, "invalid_request", { found: "[object Null]" }],
    ["RGBA pixels", { width: 1, height: 1, data: new Uint8Array(4) }, "invalid_image", { expected: 3, found: 4 }],
  ] as const)("%s", async (_, input, code, details) => {
    expect(await failure(decodeImage(input))).toEqual(ocellusError(code, details));
  });

  it.each([
    ["comments that no element follows", `${"<!---->".repeat(70)}x`],
    ["a comment without an end", `${"<!-- ".repeat(100)}`],
    ["declarations", `${"<?xml ?>".repeat(60)}`],
    ["blanks in a data: URL", `data:image/png;base64,${" ".repeat(2 ** 20)}!`],
    ["blanks behind a data: URL's end", `data:image/png;base64,AAAA=${" ".repeat(2 ** 20)}=`],
  ])("%s, in one pass", async (_, content) => {
    const input = content.startsWith("data:") ? content : Buffer.from(content, "latin1");
    expect(["invalid_image", "invalid_request"]).toContain((await failure(decodeImage(input))).code);
  });

  it("more bytes than allowed, from every source", async () => {
    const fetch = (async () => new Response(new Uint8Array(cornersPng))) as typeof globalThis.fetch;
    const data = `data:image/png;base64,${cornersPng.toString("base64")}`;
    const blob = new Blob([new Uint8Array(cornersPng)]);
    for (const input of [inFolder("big.png", cornersPng), cornersPng, data, blob, "http://example.com/a.png"])
      expect((await failure(decodeImage(input, { maxBytes: 20, fetch }))).code).toBe("too_large");
  });

  const redirect = (location: string) => new Response(null, { status: 302, headers: { location } });
  it.each([
    ["a missing page", new Response("", { status: 404 }), "not_found", { status: 404 }],
    ["a server error", new Response("", { status: 500 }), "io", { status: 500 }],
    ["a page instead of a picture", new Response("<html>"), "invalid_image", { found: "an HTML page" }],
    ["a redirect into files", redirect("ftp://example.com/a"), "io", { scheme: "ftp" }],
    ["a redirect loop", redirect("http://example.com/a"), "io", { maxRedirects: 5 }],
  ] as const)("%s at an address", async (_, response, code, details) => {
    const fetch = (async () => response.clone()) as typeof globalThis.fetch;
    const error = await failure(decodeImage("http://example.com/a", { fetch }));
    expect(error).toEqual(ocellusError(code, details));
  });

  it("to continue when the caller has given up", async () => {
    expect((await failure(decodeImage(cornersPng, { signal: AbortSignal.abort() }))).code).toBe("aborted");
    const fetch = (async (_: string, { signal }: RequestInit) =>
      new Promise((_resolve, reject) => signal!.addEventListener("abort", () => reject(signal!.reason)))) as any;
    const controller = new AbortController();
    const running = failure(decodeImage("http://example.com/a", { fetch, signal: controller.signal }));
    controller.abort();
    expect((await running).code).toBe("aborted");
  });
});

describe("pixelDigest", () => {
  it("knows the picture, not the file, and tells shapes of equal bytes apart", async () => {
    const tiff = await raw(corners, 2, 2).tiff({ compression: "lzw" }).toBuffer();
    const [a, b] = await Promise.all([decodeImage(cornersPng), decodeImage(tiff)]);
    expect(pixelDigest(a)).toBe(pixelDigest(b));
    expect(pixelDigest({ width: 4, height: 1, data: a.data })).not.toBe(pixelDigest(a));
  });
});
