import { describe, expect, it } from "vitest";
import type { WireAttention } from "../../src/protocol/index.js";
import { mapOf, shareOf } from "./attention.js";
import type { Answer } from "./conversation.js";
import { leavesOf, nameOfField, placesOf } from "./places.js";

const answer = (stats: object) => ({ id: "a", stats }) as unknown as Answer;

describe("places of an answer", () => {
  it("are shares of the picture that was sent, with the field's sureness", () => {
    const images = [{ sent_size: [200, 100] }];
    const boxes = [
      { label: "car", box: [20, 10, 100, 50] },
      { point: [100, 50] },
      { field: "/items/0/unit_price", box: [0, 0, 200, 100] },
    ];
    const fields = { "/items/0/unit_price": { kind: "number", probability: 0.4, margin: 0 } };
    const [car, point, price] = placesOf(answer({ images, boxes, fields }));
    expect(car).toMatchObject({ label: "car", box: [0.1, 0.1, 0.5, 0.5], isPoint: false, isDoubtful: false });
    expect([point!.isPoint, (point!.box[0] + point!.box[2]) / 2, (point!.box[1] + point!.box[3]) / 2]).toEqual([
      true,
      expect.closeTo(0.5),
      expect.closeTo(0.5),
    ]);
    expect(price).toMatchObject({ label: "items 1 unit price", box: [0, 0, 1, 1], isDoubtful: true });
    expect(placesOf(answer({ images: [{}], boxes }))).toEqual([]);
  });

  it("and its leaves have the server's pointers", () => {
    expect(leavesOf('{"a/b":{"c~":[1,null]},"d":"x"}')).toEqual([
      { pointer: "/a~1b/c~0/0", value: 1 },
      { pointer: "/a~1b/c~0/1", value: null },
      { pointer: "/d", value: "x" },
    ]);
    expect(leavesOf('"alone"')).toEqual([{ pointer: "", value: "alone" }]);
    expect(leavesOf('{"a":')).toBeUndefined();
    expect(nameOfField("/a~1b/c~0/0")).toBe("a/b c~ 1");
  });
});

describe("maps of attention", () => {
  const look = (share: number, bytes: readonly number[]) => ({
    ...{ rows: 1, columns: 2, area: [0, 0, 2, 1], share },
    weights: btoa(String.fromCharCode(...bytes)),
  });
  const attention = {
    num_layers: 2,
    tokens: [
      { text: "a", images: [look(0.5, [255, 0])] },
      { text: "b", images: [look(0.1, [0, 255])] },
    ],
  } as unknown as WireAttention;

  it("weigh each token by what of its attention lies on the picture", () => {
    expect([...mapOf(attention, 0)!.values]).toEqual([255, 51]);
    expect([...mapOf(attention, 0, 1)!.values]).toEqual([0, 255]);
    expect(shareOf(attention, 0)).toBeCloseTo(0.3);
    expect(mapOf(attention, 3)).toBeUndefined();
  });
});
