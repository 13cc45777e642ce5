import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import type { ImageProcessor } from "../spec/index.js";
import { ImageThreads } from "./image-threads.js";
import { decodeAndDigest, prepareImage } from "./index.js";
import { onBehalfOf } from "./queue-owner.js";

const imageProcessor: ImageProcessor = {
  kind: "fit",
  width: 28,
  height: 28,
  patchSize: 14,
  mean: [0, 0, 0],
  std: [1, 1, 1],
};
const png = (red: number, width = 30) =>
  sharp({ create: { width, height: 20, channels: 3, background: { r: red, g: 0, b: 9 } } })
    .png()
    .toBuffer();

describe("picture threads", () => {
  const threads = new ImageThreads({ count: 2, limits: { maxPixels: 1000 } });
  afterAll(() => threads.close());

  it("prepare every picture as the caller's own thread would, more of them than threads, in any form", async () => {
    const files = await Promise.all([...Array(6).keys()].map((red) => png(red)));
    const rgb = { width: 2, height: 1, data: new Uint8Array([1, 2, 3, 4, 5, 6]) };
    const url = `data:image/png;base64,${files[0]!.toString("base64")}`;
    const inputs = [...files, rgb, url, new Blob([new Uint8Array(files[1]!)])];
    const here = await Promise.all(inputs.map((input) => prepareImage(input, imageProcessor)));
    expect(await Promise.all(inputs.map((input) => threads.prepare(input, imageProcessor)))).toEqual(here);
  });

  it("decode a picture without fitting it, with its digest", async () => {
    for (const input of [await png(8), { width: 2, height: 1, data: new Uint8Array([1, 2, 3, 4, 5, 6]) }])
      expect(await threads.decode(input)).toEqual(await decodeAndDigest(input));
    await expect(threads.decode(Buffer.from("no picture"))).rejects.toMatchObject({ code: "invalid_image" });
  });

  it("fail for one picture with its own error, and continue with the others", async () => {
    const largeFile = await png(1, 100);
    const inputs = [Buffer.from("no picture"), largeFile, await png(2)];
    const [bad, large, good] = await Promise.allSettled(inputs.map((input) => threads.prepare(input, imageProcessor)));
    expect(bad).toMatchObject({ reason: { name: "OcellusError", code: "invalid_image" } });
    expect(large).toMatchObject({ reason: { code: "too_large" } });
    expect(good!.status).toBe("fulfilled");
    await expect(threads.prepare((() => 1) as any, imageProcessor)).rejects.toMatchObject({ code: "invalid_request" });
    expect((await threads.prepare(await png(3), imageProcessor)).digest).toHaveLength(64);
  });

  it("let a caller who has left wait no longer, whether its picture is in work or not", async () => {
    const controller = new AbortController();
    const file = await png(4);
    const { signal } = controller;
    const pending = Promise.allSettled(
      Array.from({ length: 5 }, () => threads.prepare(file, imageProcessor, { signal })),
    );
    controller.abort();
    for (const each of await pending) expect(each).toMatchObject({ reason: { code: "aborted" } });
    expect((await threads.prepare(file, imageProcessor)).digest).toHaveLength(64);
  });

  it("fail what is not done when they are closed, and take no more", async () => {
    const closing = new ImageThreads({ count: 1 });
    const file = await png(5);
    const pending = Promise.allSettled([closing.prepare(file, imageProcessor), closing.prepare(file, imageProcessor)]);
    await closing.close();
    for (const each of await pending) expect(each).toMatchObject({ reason: { code: "closed" } });
    await expect(closing.prepare(file, imageProcessor)).rejects.toMatchObject({ code: "closed" });
  });
});

const script = ["image-methods.testkit", import.meta.url] as const;

describe("a picture thread that fails", () => {
  const scripted = (count: number) => new ImageThreads({ count, limits: { maxMs: 1000 }, script });

  it("to come back is ended and replaced: its picture gets an error, the others their answers", async () => {
    const threads = scripted(1);
    expect(await threads.decode("a")).toEqual({ input: "a", count: 1 });
    const [hung, next] = await Promise.allSettled([threads.decode("hang"), threads.decode("b")]);
    expect(hung).toMatchObject({ reason: { code: "invalid_image", details: { maxMs: 1000 } } });
    expect(next).toMatchObject({ value: { input: "b", count: 1 } }); // of another thread
    await threads.close();
  });

  it.each([
    ["throw", 2],
    ["exit", 1], // of another thread
  ])("with %s takes only its own picture with it", async (fault, count) => {
    const threads = scripted(1);
    const [lost, next] = await Promise.allSettled([threads.decode(fault), threads.decode("b")]);
    expect(lost).toMatchObject({ reason: { code: "internal" } });
    expect(next).toMatchObject({ value: { input: "b", count } });
    await threads.close();
  });

  it("does not keep them from being closed", async () => {
    const threads = scripted(2);
    const hung = Promise.allSettled([threads.decode("hang"), threads.decode("hang"), threads.decode("a")]);
    await threads.close();
    for (const each of await hung) expect(each).toMatchObject({ reason: { code: "closed" } });
  });
});

describe("pictures of several owners", () => {
  it("take turns: a small one waits for one of the crowd's and not for all, of one address too", async () => {
    const threads = new ImageThreads({ count: 1, script });
    await threads.decode("warm");
    const order: string[] = [];
    const ask = (owner: string, request: string, input: string) =>
      onBehalfOf({ owner, request }, () => threads.decode(input)).then(() => order.push(`${owner} ${request}`));
    const all = Array.from({ length: 6 }, () => ask("crowd", "1", "slow"));
    all.push(ask("guest", "1", "a"), ask("crowd", "2", "a"));
    await Promise.all(all);
    expect(order.slice(0, 4)).toEqual(["crowd 1", "crowd 1", "guest 1", "crowd 2"]); // the first was being decoded already
    await threads.close();
  });
});
