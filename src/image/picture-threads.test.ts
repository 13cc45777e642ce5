import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { PictureThreads } from "./picture-threads.js";
import { prepareImage } from "./prepare.js";
import type { ImageRecipe } from "./recipe.js";

const recipe: ImageRecipe = { kind: "fit", width: 28, height: 28, patchSize: 14, mean: [0, 0, 0], std: [1, 1, 1] };
const png = (red: number, width = 30) =>
  sharp({ create: { width, height: 20, channels: 3, background: { r: red, g: 0, b: 9 } } })
    .png()
    .toBuffer();

describe("picture threads", () => {
  const threads = new PictureThreads({ count: 2, limits: { maxPixels: 1000 } });
  afterAll(() => threads.close());

  it("prepare every picture as the caller's own thread would, more of them than threads, in any form", async () => {
    const files = await Promise.all([...Array(6).keys()].map((red) => png(red)));
    const rgb = { width: 2, height: 1, data: new Uint8Array([1, 2, 3, 4, 5, 6]) };
    const url = `data:image/png;base64,${files[0]!.toString("base64")}`;
    const inputs = [...files, rgb, url, new Blob([new Uint8Array(files[1]!)])];
    const here = await Promise.all(inputs.map((input) => prepareImage(input, recipe)));
    expect(await Promise.all(inputs.map((input) => threads.prepare(input, recipe)))).toEqual(here);
  });

  it("fail for one picture with its own error, and go on with the others", async () => {
    const largeFile = await png(1, 100);
    const inputs = [Buffer.from("no picture"), largeFile, await png(2)];
    const [bad, large, good] = await Promise.allSettled(inputs.map((input) => threads.prepare(input, recipe)));
    expect(bad).toMatchObject({ reason: { name: "OcellusError", code: "invalid_image" } });
    expect(large).toMatchObject({ reason: { code: "too_large" } });
    expect(good!.status).toBe("fulfilled");
    await expect(threads.prepare((() => 1) as any, recipe)).rejects.toMatchObject({ code: "invalid_request" });
    expect((await threads.prepare(await png(3), recipe)).digest).toHaveLength(64);
  });

  it("let a caller who has left wait no longer, whether its picture is in work or not", async () => {
    const controller = new AbortController();
    const file = await png(4);
    const { signal } = controller;
    const pending = Promise.allSettled(Array.from({ length: 5 }, () => threads.prepare(file, recipe, { signal })));
    controller.abort();
    for (const each of await pending) expect(each).toMatchObject({ reason: { code: "aborted" } });
    expect((await threads.prepare(file, recipe)).digest).toHaveLength(64);
  });

  it("fail what is not done when they are closed, and take no more", async () => {
    const closing = new PictureThreads({ count: 1 });
    const file = await png(5);
    const pending = Promise.allSettled([closing.prepare(file, recipe), closing.prepare(file, recipe)]);
    await closing.close();
    for (const each of await pending) expect(each).toMatchObject({ reason: { code: "aborted" } });
    await expect(closing.prepare(file, recipe)).rejects.toMatchObject({ code: "aborted" });
  });
});
