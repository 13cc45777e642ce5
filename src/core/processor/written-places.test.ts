/** Boxes and points in the forms that families' authors publish; text without any; and anything else, which is never an error. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { writtenPlaces } from "./written-places.js";

const box = (...[a, b, c, d]: number[]) => ({
  kind: "box",
  points: [
    [a, b],
    [c, d],
  ],
});

describe("places in an answer", () => {
  it.each([
    [
      '[{"bbox_2d": [10, 20, 30, 40], "label": "cat"}, {"point_2d": [5.5, 6], "label": "eye"}]',
      [
        { ...box(10, 20, 30, 40), label: "cat" },
        { kind: "point", points: [[5.5, 6]], label: "eye" },
      ],
    ],
    [
      'Here:\n```json\n[{"bbox_2d": [1, 2, 3, 4], "text_content": "EXIT"}]\n```\nDone.',
      [{ ...box(1, 2, 3, 4), label: "EXIT" }],
    ],
    ['{"items": [{"where": {"bbox_2d": [1, 2, 3, 4]}}]}', [box(1, 2, 3, 4)]],
    ['[{"bbox_2d": [1, 2, 3, 4], "label": "a"}, {"bbox_2d": [5, 6, 7, 8], "la', [box(1, 2, 3, 4), box(5, 6, 7, 8)]],
    [
      "<|object_ref_start|>the cat<|object_ref_end|><|box_start|>(10,20),(30,40)<|box_end|>",
      [{ ...box(10, 20, 30, 40), label: "the cat" }],
    ],
    ["the cat(10,20),(30, 40)", [box(10, 20, 30, 40)]],
    [
      "<ref>cat</ref><box>[[10, 20, 30, 40], [1, 2, 3, 4]]</box>",
      [
        { ...box(10, 20, 30, 40), label: "cat" },
        { ...box(1, 2, 3, 4), label: "cat" },
      ],
    ],
    [
      "<ref>cat</ref><box>10 20 30 40</box><ref>dog</ref><point>7 8</point>",
      [
        { ...box(10, 20, 30, 40), label: "cat" },
        { kind: "point", points: [[7, 8]], label: "dog" },
      ],
    ],
    [
      "<quad>1 2 3 4 5 6 7 8</quad>",
      [
        {
          kind: "box",
          points: [
            [1, 2],
            [3, 4],
            [5, 6],
            [7, 8],
          ],
        },
      ],
    ],
    ["(-3,4),(5,6)", [box(-3, 4, 5, 6)]],
    ["A red dress, 3 of 4 (see page 2).", []],
    ['{"bbox": [1, 2, 3, 4], "box_2d": [1, 2, 3, 4], "bbox_2d": [1, 2, 3], "point_2d": "1,2"}', []], // conventions of others
    ["<box>1 2 3</box>", []],
    ["```json", []],
  ])("are read from %s", (text, expected) => {
    expect(writtenPlaces(text)).toEqual(expected);
  });

  it("are the same after they were written, in every form", () => {
    const corner = fc.nat(99_999);
    const label = fc.stringMatching(/^[a-z ]{1,20}$/).filter((text) => text.trim() === text && text !== "");
    const place = fc.record({ corners: fc.tuple(corner, corner, corner, corner), label });
    const forms: ((corners: readonly number[], label: string) => string)[] = [
      (corners, name) => JSON.stringify([{ bbox_2d: corners, label: name }]),
      ([a, b, c, d], name) =>
        `<|object_ref_start|>${name}<|object_ref_end|><|box_start|>(${a},${b}),(${c},${d})<|box_end|>`,
      (corners, name) => `<ref>${name}</ref><box>[[${corners.join(", ")}]]</box>`,
      (corners, name) => `<ref>${name}</ref><box>${corners.join(" ")}</box>`,
    ];
    fc.assert(
      fc.property(place, fc.constantFrom(...forms), fc.string(), ({ corners, label: name }, form, words) => {
        expect(writtenPlaces(form(corners, name))).toEqual([{ ...box(...corners), label: name }]);
        fc.pre(!/[<"{`[(]/.test(words));
        if (form !== forms[0]) expect(writtenPlaces(words + form(corners, name)).length).toBe(1);
      }),
      { seed: 21 },
    );
  });

  it("are at most some, and never an error, in anything", () => {
    const piece = fc.constantFrom(
      "<box>",
      "</box>",
      "[[",
      "1 2 3 4",
      "(1,2),(3,4)",
      '"bbox_2d": [',
      "]",
      "<ref>",
      "```json",
      "{",
      '"',
      "\\",
      "<quad>",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ unit: "binary" })), { maxLength: 40 }), (pieces) => {
        for (const { points } of writtenPlaces(pieces.join("")))
          for (const each of points.flat()) expect(Number.isFinite(each)).toBe(true);
      }),
      { seed: 22, numRuns: 500 },
    );
    expect(writtenPlaces("(1,2),(3,4) ".repeat(10_000)).length).toBe(4096);
    expect(writtenPlaces(JSON.stringify(Array(200_000).fill(1)))).toEqual([]);
  });
});
