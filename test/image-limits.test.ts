/** Limits of images are kept by every kind of model, on the caller's thread, on threads of its own and on given ones. */
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it, vi } from "vitest";
import { type ImageInput, ImageThreads } from "../src/core/image/node/index.js";
import { loadClassifier, loadDualEncoder, loadImageEncoder, loadModel } from "../src/core/runtime/index.js";
import { repository, temporaryFolder } from "./support/folders.js";
import { wholeFolder } from "./support/whole.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());
const golden = (name: string) => join(repository, "test/golden", name);

type Options = Pick<
  NonNullable<Parameters<typeof loadModel>[1]>,
  "weights" | "threads" | "imageThreads" | "imageLimits"
>;
interface Opened extends AsyncDisposable {
  see(image: ImageInput): Promise<unknown>;
  close(): Promise<void>;
}

const loaders: Readonly<Record<string, (options: Options) => Promise<Opened>>> = {
  async loadModel(options) {
    const model = await loadModel(wholeFolder("qwen2_vl"), options);
    return opened(model, (image) => model.embedImage(image));
  },
  async loadDualEncoder(options) {
    const model = await loadDualEncoder(golden("clip/gelu"), options);
    return opened(model, (image) => model.embedImage(image));
  },
  async loadImageEncoder(options) {
    const model = await loadImageEncoder(golden("dinov2/same"), options);
    return opened(model, (image) => model.embedImage(image));
  },
  async loadClassifier(options) {
    const model = await loadClassifier(golden("vit/gelu"), options);
    return opened(model, (image) => model.classify(image));
  },
};

function opened(model: Pick<Opened, "close">, see: Opened["see"]): Opened {
  return { see, close: () => model.close(), [Symbol.asyncDispose]: () => model.close() };
}

const [width, height] = [60, 50];
const pixels = { width, height, data: new Uint8Array(width * height * 3) };
const file = await sharp(pixels.data, { raw: { width, height, channels: 3 } })
  .png()
  .toBuffer();
const common = { weights: "fp32", threads: 1 } as const;
const tooLarge = { code: "too_large" };

describe.each(Object.entries(loaders))("%s", (_, load) => {
  it.each([0, 1])(
    "refuses what is over its limits, with %i image threads, and reads what is at them",
    async (count) => {
      const limited = (imageLimits: NonNullable<Options["imageLimits"]>) =>
        load({ ...common, imageThreads: count, imageLimits });
      await using fewPixels = await limited({ maxPixels: width * height - 1 });
      await expect(fewPixels.see(file)).rejects.toMatchObject(tooLarge);
      await expect(fewPixels.see(pixels)).rejects.toMatchObject(tooLarge);
      await using fewBytes = await limited({ maxBytes: file.length - 1 });
      await expect(fewBytes.see(file)).rejects.toMatchObject(tooLarge);
      await using enough = await limited({ maxPixels: width * height, maxBytes: file.length });
      await enough.see(file);
      await enough.see(pixels);
    },
  );

  it("decodes on given threads, which it leaves open, and closes its own", async () => {
    const close = vi.spyOn(ImageThreads.prototype, "close");
    const given = new ImageThreads({ count: 1, limits: { maxPixels: width * height - 1 } });
    const model = await load({ ...common, imageThreads: given });
    await expect(model.see(file)).rejects.toMatchObject(tooLarge);
    await model.close();
    expect(close).not.toHaveBeenCalled();
    await given.close();
    close.mockClear();
    await (await load({ ...common, imageThreads: 1 })).close();
    expect(close).toHaveBeenCalledOnce();
    close.mockRestore();
  });
});
