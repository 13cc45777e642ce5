import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SseParser, SseProblem } from "./sse.js";

describe("events", () => {
  it("are the same however their bytes are cut", () => {
    const line = fc.stringMatching(/^[a-zé漢\u{1f600} :]{0,8}$/u);
    const ending = fc.constantFrom("\n", "\r\n", "\r");
    const event = fc.tuple(fc.array(fc.tuple(fc.constantFrom("data: ", "data:", ": ", "id: "), line)), ending);
    fc.assert(
      fc.property(fc.array(event), fc.infiniteStream(fc.integer({ min: 1, max: 5 })), (events, sizes) => {
        const text = events
          .map(([lines, end]) => `${lines.map(([name, value]) => name + value + end).join("")}${end}`)
          .join("");
        const data = ([lines]: (typeof events)[number]) =>
          lines
            .filter(([name]) => name.startsWith("data"))
            .map(([name, value]) => (name === "data:" ? value.replace(/^ /, "") : value));
        const expected = events
          .map(data)
          .filter((lines) => lines.length > 0)
          .map((lines) => lines.join("\n"));
        const bytes = Buffer.from(text);
        const parser = new SseParser(1000);
        const found: string[] = [];
        for (let at = 0; at < bytes.length; ) {
          const size = sizes.next().value;
          found.push(...parser.push(bytes.subarray(at, at + size)));
          at += size;
        }
        parser.end();
        expect(found).toEqual(expected);
      }),
    );
  });

  it("are refused where they are no UTF-8, end in the middle, or never end", () => {
    expect(() => new SseParser(100).push(Buffer.from([0x64, 0xff]))).toThrow(SseProblem);
    const half = new SseParser(100);
    half.push(Buffer.from("data: é").subarray(0, 7));
    expect(() => half.end()).toThrow(SseProblem);
    const endless = new SseParser(100);
    expect(() => {
      for (let i = 0; i < 200; i++) endless.push(Buffer.from("data: x\n"));
    }).toThrow(expect.objectContaining({ isEndless: true }));
  });
});
