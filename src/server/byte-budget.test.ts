import { expect, it } from "vitest";
import { ByteBudget, type ByteHolder } from "./byte-budget.js";

const holder = (owner: string): ByteHolder => ({ owner });
const overloaded = expect.objectContaining({ code: "overloaded" });
const refusal = (work: () => void) => {
  try {
    work();
  } catch (error) {
    return error;
  }
};

it("leaves room for others, however many requests one owner sends", () => {
  const budget = new ByteBudget({ maxBytes: 800, bytesOfOne: 100 });
  const crowd = Array.from({ length: 8 }, () => holder("crowd"));
  const refused = crowd.filter((one) => refusal(() => budget.take(one, 100)) !== undefined);
  expect([refused.length, budget.bytes]).toEqual([4, 400]);
  const guest = holder("guest");
  budget.take(guest, 100);
  expect(refusal(() => budget.take(holder("crowd"), 1))).toEqual(overloaded);
  for (const one of crowd) budget.release(one);
  expect(budget.bytes).toBe(100);
  budget.take(guest, 250);
  expect(refusal(() => budget.take(guest, 101))).toEqual(overloaded);
});

it("always has one whole body for an owner while there is room, and never more than all", () => {
  const budget = new ByteBudget({ maxBytes: 300, bytesOfOne: 100 });
  for (const owner of ["a", "b", "c"]) budget.take(holder(owner), 100);
  expect(refusal(() => budget.take(holder("d"), 1))).toEqual(overloaded);
});

it("gets everything back exactly once, and gives nothing to a request that has ended", () => {
  const budget = new ByteBudget({ maxBytes: 1000, bytesOfOne: 1000 });
  const [one, other] = [holder("a"), holder("a")];
  budget.take(one, 300);
  budget.take(other, 200);
  budget.giveBack(one, 100);
  expect(budget.bytes).toBe(400);
  budget.giveBack(one, 5000); // no more than it holds
  expect(budget.bytes).toBe(200);
  budget.release(other);
  budget.release(other);
  budget.giveBack(other, 1);
  expect(budget.bytes).toBe(0);
  expect(refusal(() => budget.take(other, 1))).toMatchObject({ code: "aborted" });
  budget.take(one, 1000);
  expect(budget.bytes).toBe(1000);
});
