/** What a program may do with the library that its types do not forbid: close twice, ask after that, mistype an option. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  type ChatEvent,
  image,
  loadClassifier,
  loadDualEncoder,
  loadModel,
  type VisionLanguageModel,
} from "../src/core/runtime/index.js";
import { Collections } from "../src/retrieval/index.js";
import { createApp, listen } from "../src/server/index.js";
import { repository } from "./support/folders.js";
import { startServer } from "./support/server.js";

const dress = join(repository, "examples/pictures/dress.jpg");
const golden = (name: string) => join(repository, "test/golden", name);
const ask = [{ role: "user", content: [image(dress), "What colour is it?"] }] as const;
const closed = { name: "OcellusError", code: "closed" };
const folder = mkdtempSync(join(tmpdir(), "ocellus-library-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function read(events: AsyncIterable<ChatEvent>): Promise<string> {
  let text = "";
  for await (const event of events) if (event.type === "text") text += event.text;
  return text;
}

describe("a model", () => {
  it("is the one of the package without a path, and may be closed twice, at once and by `await using`", async () => {
    const model = await loadModel();
    expect(model.info.path).not.toBe("");
    expect(await read(model.chat(ask))).toBe("Red.");
    const first = model.close();
    expect(model.close()).toBe(first);
    await first;
    await model.close();
    await model[Symbol.asyncDispose]();
    const uses: ((model: VisionLanguageModel) => Promise<unknown>)[] = [
      (m) => read(m.chat(ask)),
      (m) => m.prepare(ask),
      (m) => m.prepareText("a"),
      (m) => m.pixelBytes(ask),
      (m) => m.answer(ask),
      (m) => m.trace(ask),
      (m) => m.pin(dress),
      (m) => m.embedImage(dress),
    ];
    for (const use of uses) await expect(use(model)).rejects.toMatchObject(closed);
  });

  it.each([undefined, { graphThreads: true, imageThreads: 1 }])(
    "ends its answers, prepared or written, when it is closed (%o)",
    async (threading) => {
      const model = await loadModel(undefined, threading);
      const end = model.tokenizer.tokenId("<|im_end|>")!;
      const written = model.chat(ask, { maxTokens: 300, sampling: { logit_bias: { [end]: -100 } } });
      await written.next();
      const answers = Promise.allSettled([...[0, 1, 2].map(() => read(model.chat(ask))), read(written)]);
      const closing = model.close();
      for (const each of await answers) expect(each).toMatchObject({ status: "rejected", reason: closed });
      await closing;
    },
  );

  it("refuses unknown options by their names", async () => {
    const load = loadModel(undefined, { wieghts: "int4" } as never);
    await expect(load).rejects.toMatchObject({ code: "invalid_request", details: { param: "wieghts" } });
    await expect(loadModel(undefined, "int4" as never)).rejects.toMatchObject({ code: "invalid_request" });
    await expect(loadDualEncoder("", { maxLength: 1 } as never)).rejects.toMatchObject({
      details: { param: "maxLength" },
    });
    await expect(loadClassifier("", { x: 1 } as never)).rejects.toMatchObject({ details: { param: "x" } });
    const model = await loadModel();
    const details = { param: "max_tokens" };
    for (const use of [model.answer(ask, { max_tokens: 1 } as never), model.trace(ask, { max_tokens: 1 } as never)])
      await expect(use).rejects.toMatchObject({ code: "invalid_request", details });
    const sampling = { temprature: 1 } as never;
    await expect(model.answer(ask, { sampling })).rejects.toMatchObject({ details: { param: "temprature" } });
    await model.close();
  });

  it("takes one stop string, or none, and no empty question", async () => {
    const model = await loadModel();
    expect((await model.answer(ask, { stop: "." })).text).toBe("Red");
    expect((await model.answer(ask, { stop: ["e", "."] })).text).toBe("R");
    expect((await model.answer(ask, { stop: "" })).text).toBe("Red.");
    for (const content of ["", " \n", [], [""]])
      await expect(model.answer([{ role: "user", content }])).rejects.toMatchObject({ code: "invalid_request" });
    expect((await model.answer([{ role: "system", content: "" }, ask[0]])).text).toBe("Red.");
    await model.close();
  });
});

describe("what else can be closed", () => {
  it("is a CLIP model", async () => {
    const clip = await loadDualEncoder(golden("clip/gelu"));
    const first = clip.close();
    expect(clip.close()).toBe(first);
    await clip[Symbol.asyncDispose]();
    await expect(clip.embedText("a")).rejects.toMatchObject(closed);
    await expect(clip.embedImage(dress)).rejects.toMatchObject(closed);
    await expect(clip.classify(dress, ["a", "b"])).rejects.toMatchObject(closed);
  });

  it("is a classifier", async () => {
    const classifier = await loadClassifier(golden("vit/gelu"));
    await Promise.all([classifier.close(), classifier.close(), classifier[Symbol.asyncDispose]()]);
    await expect(classifier.classify(dress)).rejects.toMatchObject(closed);
  });

  it("is a folder of collections", async () => {
    const collections = new Collections(folder);
    await Promise.all([collections.close(), collections.close(), collections[Symbol.asyncDispose]()]);
    await expect(collections.open("shop")).rejects.toMatchObject(closed);
  });

  it("is a server", async () => {
    const { services, close } = await startServer({});
    const listening = await listen(createApp(services), { host: "127.0.0.1", port: 0, keepAliveMs: 1000 });
    await Promise.all([listening.close(), listening.close(), listening[Symbol.asyncDispose]()]);
    await close();
  });
});
