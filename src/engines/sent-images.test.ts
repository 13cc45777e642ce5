import { describe, expect, it, onTestFinished } from "vitest";
import { OcellusError } from "../core/base/index.js";
import { EngineClient } from "./client.js";
import type { EngineKind } from "./kinds.js";
import type { EngineRequest } from "./request.js";
import { type StandIn, startStandIn } from "./stand-in.testkit.js";

function clientOf(url: string, kind: EngineKind = "vllm"): EngineClient {
  const client = new EngineClient({ url, kind, model: "stand-in" });
  onTestFinished(() => client.close());
  return client;
}

async function answer(client: EngineClient, request: EngineRequest): Promise<string> {
  let text = "";
  for await (const event of client.chat(request)) if (event.type === "text") text += event.text;
  return text;
}

describe("an image", () => {
  const picture = (uuid: string) => ({
    type: "image_url" as const,
    image_url: { url: `data:${uuid.repeat(100)}` },
    uuid,
  });
  const about = (...uuids: string[]): EngineRequest => ({
    messages: [{ role: "user", content: [...uuids.map(picture), { type: "text", text: "?" }] }],
  });
  const urls = (engine: StandIn) =>
    engine.seen.map(({ body }) => body.messages[0].content.slice(0, -1).map((part: any) => part.image_url !== null));

  it("is sent once, then by its name, and again by itself where the engine has forgotten it", async () => {
    const engine = await startStandIn({ kind: "vllm", mostImages: 2 });
    const client = clientOf(engine.url);
    const ask = async (...uuids: string[]) => answer(client, about(...uuids));
    await ask("a");
    expect(await ask("a", "b")).toBe("I see 2 images.");
    expect(urls(engine)).toEqual([[true], [false, true]]);
    await ask("c");
    expect(await ask("a", "c")).toBe("I see 2 images.");
    expect(urls(engine).slice(2)).toEqual([[true], [false, false], [true, true]]);
    expect(client.imageTraffic).toMatchObject({
      imagesSent: 5,
      imagesNamed: 3,
      imagesForgotten: 1,
      imageBytesSent: 525,
    });
    expect(engine.seen.at(-1)!.headers["x-ocellus-image"]).toBe("a,c");
  });

  it("goes whole for a while where the engine's caches are off", async () => {
    const engine = await startStandIn({ kind: "vllm", mostImages: 0 });
    const client = clientOf(engine.url);
    for (let i = 0; i < 8; i++) await answer(client, about("a"));
    expect(client.imageTraffic.imagesForgotten).toBe(3);
    expect(engine.seen.length).toBe(11);
  });

  it("is not sent again by itself for a refusal that says nothing of images, nor counted as forgotten", async () => {
    const engine = await startStandIn({ kind: "vllm" });
    const client = clientOf(engine.url);
    await answer(client, about("a"));
    let status = 0;
    engine.options.fault = (_, response) => {
      response.writeHead(status, { "content-type": "application/json" }).end('{"error": {"message": "no"}}');
      return true;
    };
    const pixels = async () => {
      const before = engine.seen.length;
      await expect(answer(client, about("a"))).rejects.toBeInstanceOf(OcellusError);
      return urls(engine).slice(before).flat();
    };
    for (status of [401, 403, 404, 408, 413, 422, 429]) expect(await pixels(), `${status}`).toEqual([false]);
    for (let i = 0; i < 4; i++) {
      status = 400; // it may be about the image, and was not
      expect(await pixels()).toEqual([false, true]);
    }
    status = 500; // whether it still has the image is not known: the next request has it
    expect([await pixels(), await pixels()]).toEqual([[false], [true]]);
    expect(client.imageTraffic.imagesForgotten).toBe(0);
  });

  it("always goes whole, without a name, to engines of other kinds", async () => {
    const engine = await startStandIn({ kind: "llama-server" });
    const client = clientOf(engine.url, "llama-server");
    for (let i = 0; i < 2; i++) await answer(client, about("a"));
    const parts = engine.seen.map(({ body }) => body.messages[0].content[0]);
    expect(parts).toEqual(Array(2).fill({ type: "image_url", image_url: picture("a").image_url }));
  });
});
