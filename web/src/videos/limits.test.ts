import { expect, it } from "vitest";
import { isVideo, timeText, videoRefusal } from "./limits.js";

const clip = { name: "clip.mp4", size: 100 };
const limits = { max: 2, max_bytes: 100, max_seconds: 60 };

it("refuses a video for one reason, the first that nothing else would help with", () => {
  expect(videoRefusal([clip, clip], limits, 0)).toBeUndefined();
  expect(videoRefusal([clip], undefined, 0)).toEqual({ kind: "unread" });
  expect(videoRefusal([clip], { ...limits, missing: ["ffmpeg"] }, 9)).toEqual({
    kind: "missing",
    programs: ["ffmpeg"],
  });
  expect(videoRefusal([clip, clip], limits, 1)).toEqual({ kind: "many", most: 2 });
  expect(videoRefusal([{ ...clip, size: 101 }], limits, 0)).toEqual({ kind: "large", name: "clip.mp4", most: 100 });
});

it("knows videos by their type, or by their ending where browsers know none", () => {
  for (const [type, name, is] of [
    ["video/mp4", "a", true],
    ["", "a.MKV", true],
    ["application/octet-stream", "a.avi", true],
    ["image/png", "a.mp4", false],
    ["", "a.png", false],
  ] as const)
    expect(isVideo({ type, name }), name).toBe(is);
});

it("writes times as players do", () => {
  expect([0, 42, 61.6, 3725].map(timeText)).toEqual(["0:00", "0:42", "1:02", "1:02:05"]);
});
