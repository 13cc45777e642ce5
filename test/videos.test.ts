/**
 * Video files from every door to a random qwen3_vl model: the frames are those that the checkpoint's rule chooses, guardrails see
 * each of them, and what reads no videos says so. Frames are of one grey each, stored without loss.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ocellusError } from "../src/core/base/ocellus-error.testkit.js";
import { isMissing } from "../src/core/base/prerequisite.testkit.js";
import { pixelDigest } from "../src/core/image/node/index.js";
import {
  type ChatOptions,
  type ContentPart,
  loadModel,
  type VisionLanguageModel,
  video,
} from "../src/core/runtime/index.js";
import type { WireModel } from "../src/protocol/index.js";
import { temporaryFolder } from "./support/folders.js";
import { openGuards, strictPolicy } from "./support/guards.js";
import { loadTiny, startServer, type TestServer } from "./support/server.js";
import { packSmallQwen3Vl } from "./support/small-qwen3-vl.js";

vi.stubEnv("OCELLUS_CACHE", temporaryFolder());

const hasFfmpeg = () => {
  try {
    execFileSync("ffmpeg", ["-version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

const path = "/v1/chat/completions";
const numFrames = 40;
const side = 64;
const shownSide = 32;
/** At ten frames a second, eight of forty: the reference's `linspace` over 0 to 39. */
const chosen = [0, 6, 11, 17, 22, 28, 33, 39];
const grey = (index: number, width = side) => ({
  width,
  height: width,
  data: new Uint8Array(width * width * 3).fill(6 * index),
});

describe.skipIf(isMissing("ffmpeg", hasFfmpeg(), "apt-get install ffmpeg"))("a video file", () => {
  const folder = temporaryFolder();
  const clip = join(folder, "clip.mkv");
  let model: VisionLanguageModel;
  let tiny: VisionLanguageModel;
  let server: TestServer;
  let dataUrl: string;

  beforeAll(async () => {
    const frames = Buffer.concat(Array.from({ length: numFrames }, (_, i) => grey(i).data));
    const input = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", `${side}x${side}`, "-r", "10", "-i", "pipe:0"];
    execFileSync("ffmpeg", ["-v", "error", ...input, "-c:v", "ffv1", "-pix_fmt", "gbrp", clip], { input: frames });
    dataUrl = `data:video/x-matroska;base64,${readFileSync(clip).toString("base64")}`;
    model = await loadModel(await packSmallQwen3Vl(folder), { device: "cpu", threads: 1, maxLength: 512 });
    tiny = await loadTiny();
    server = await startServer({ small: model, tiny }, {}, { guards: await forbidding(17) });
  });
  afterAll(async () => {
    await server?.close();
    await model?.close();
    await tiny?.close();
  });

  const forbidding = async (index: number) =>
    openGuards(temporaryFolder(), await strictPolicy({ [pixelDigest(grey(index, shownSide))]: "violence" }));
  const ask = async (part: ContentPart, options: ChatOptions = {}) => {
    const messages = [{ role: "user" as const, content: [part, "?"] }];
    const { tokens, usage, images } = await model.answer(messages, { maxTokens: 4, ...options });
    return { ids: tokens.map(({ tokenId }) => tokenId), promptTokens: usage.promptTokens, images };
  };
  const post = async (url: string, more: object = {}, part: object = { type: "video_url", video_url: { url } }) => {
    const messages = [{ role: "user", content: [part, { type: "text", text: "?" }] }];
    const response = await server.post(path, { model: "small", messages, max_tokens: 4, ...more });
    return { status: response.status, body: (await response.json()) as any };
  };

  it("is shown as the frames that the rule chooses, at their times", async () => {
    const timestamps = chosen.map((index) => index / 10);
    const ofFrames = await ask(
      video(
        chosen.map((index) => grey(index)),
        { timestamps },
      ),
    );
    const ofFile = await ask(video(clip));
    expect(ofFile.ids).toEqual(ofFrames.ids);
    expect(ofFile.promptTokens).toBe(ofFrames.promptTokens);
    const ofBytes = await ask(video(readFileSync(clip)));
    expect(ofBytes.images.map(({ known }) => known)).toEqual([true, true, true, true]);
    expect(ofBytes.images.map(({ digest }) => digest)).toEqual(ofFile.images.map(({ digest }) => digest));
  });

  it("counts in the room for pixels, by its header", async () => {
    const messages = [{ role: "user" as const, content: [video(clip), "?"] }];
    expect(await model.pixelBytes(messages)).toBe(chosen.length * shownSide ** 2 * 3 * 4);
  });

  it("is blocked for one of the frames that are shown", async () => {
    const { status, body } = await post(dataUrl);
    expect([status, body.error.code]).toEqual([400, "content_filter"]);
    expect(body.error.message).toContain("known");
  });

  it("is refused over HTTP as an address, and beyond their number", async () => {
    const address = await post("https://example.com/clip.mp4");
    expect([address.status, address.body.error.param]).toEqual([400, "video_url"]);
    const notOne = await post("data:video/mp4;base64,AAAA");
    expect([notOne.status, notOne.body.error.code]).toEqual([400, "invalid_image"]);
    const content = Array.from({ length: 5 }, (_, i) => ({
      type: "video_url",
      video_url: `${dataUrl.slice(0, -8)}${"A".repeat(i)}`,
    }));
    const many = await server.post(path, { model: "small", messages: [{ role: "user", content }] });
    expect(many.status).toBe(413);
  });

  it("is told with its limits of models that read it, and of no others", async () => {
    const { data } = (await (await fetch(`${server.url}/v1/models`)).json()) as { data: WireModel[] };
    const [small, still] = ["small", "tiny"].map((name) => data.find(({ id }) => id === name)!.ocellus.videos);
    // Of a body of 32 MiB, what base64 leaves.
    expect(small).toEqual({ max: 4, max_bytes: 0.75 * (32 * 2 ** 20 - 2 ** 16), max_seconds: 3600 });
    expect(still).toBeUndefined();
  });

  it("is refused by a model that is shown still images only", async () => {
    const { status, body } = await post(dataUrl, { model: "tiny" });
    expect([status, body.error.code]).toEqual([400, "unsupported"]);
    await expect(tiny.answer([{ role: "user", content: [video(clip)] }])).rejects.toThrow(
      ocellusError("unsupported", { found: "videos" }),
    );
  });

  it("is uploaded once and asked about, past a guardrail that forbids a frame which is not shown", async () => {
    const open = await startServer({ small: model }, {}, { guards: await forbidding(16) });
    try {
      const form = new FormData();
      form.set("file", new File([readFileSync(clip)], "clip.mkv"));
      const upload = (await (await fetch(`${open.url}/v1/files`, { method: "POST", body: form })).json()) as any;
      expect(upload.ocellus.format).toBe("matroska");
      const parts = [
        { type: "file", file: { file_id: upload.id } },
        { type: "video_url", video_url: { url: upload.id } },
        { type: "video_url", video_url: dataUrl },
      ];
      for (const part of parts) {
        const messages = [{ role: "user", content: [part, { type: "text", text: "?" }] }];
        const answer = (await (await open.post(path, { messages, max_tokens: 4 })).json()) as any;
        expect(answer.usage.prompt_tokens).toBe((await ask(video(clip))).promptTokens);
        expect(answer.ocellus.images).toHaveLength(4);
      }
    } finally {
      await open.close();
    }
  });
});
