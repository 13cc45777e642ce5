/**
 * Which entries a search or a removal is about, by their labels. Written as in MongoDB and Chroma:
 *   {"shelf": "A", "price": {"$gte": 10, "$lt": 20}, "$or": [{"size": "M"}, {"size": {"$in": ["L", "XL"]}}]}
 * Every line of an object must hold. A label that an entry does not have holds for `$ne`, `$nin` and `$exists: false` alone.
 */
import { z } from "zod";
import { OcellusError } from "../core/base/index.js";
import type { Entry, Metadata } from "./entry.js";

export type LabelValue = string | number | boolean;

const valueSchema = z.union([z.string().max(1024), z.number(), z.boolean()]);
/** As many as one search may have pictures for; each is compared with every entry. */
const valuesSchema = z.array(valueSchema).min(1).max(1000);
const boundSchema = z.union([z.string().max(1024), z.number()]);

const conditionSchema = z
  .strictObject({
    $eq: valueSchema,
    $ne: valueSchema,
    $gt: boundSchema,
    $gte: boundSchema,
    $lt: boundSchema,
    $lte: boundSchema,
    $in: valuesSchema,
    $nin: valuesSchema,
    $exists: z.boolean(),
  })
  .partial()
  .refine((condition) => Object.keys(condition).length > 0, 'expected a condition such as {"$gte": 10}');
type Condition = Readonly<z.infer<typeof conditionSchema>>;
const lineSchema = z.union([valueSchema, conditionSchema]);

export interface Where {
  readonly [label: string]: LabelValue | Condition | readonly Where[] | undefined;
}

type Test = (metadata: Metadata) => boolean;

/** A filter that people write has a few; more is a list of ids. Each costs a look at every entry. */
const maxConditions = 64;
/** Of `$or` in `$and` in `$or`. */
const maxDepth = 8;

/** @throws `invalid_request` that names the line. */
export function filterOf(where: Where): (entry: Pick<Entry, "metadata">) => boolean {
  const budget = { left: maxConditions };
  const test = allOf(where, budget, 0);
  return ({ metadata = {} }) => test(metadata);
}

function allOf(where: Where, budget: { left: number }, depth: number): Test {
  if (depth > maxDepth) throw refused("$or", `at most ${maxDepth} deep`);
  const tests = Object.entries(where).map(([name, line]) => testOf(name, line, budget, depth));
  return (metadata) => tests.every((test) => test(metadata));
}

function testOf(name: string, line: Where[string], budget: { left: number }, depth: number): Test {
  if (--budget.left < 0) throw refused(name, `more than ${maxConditions} conditions`);
  if (name === "$or" || name === "$and") {
    const isList = Array.isArray(line) && line.length > 0 && line.every(isPlain);
    if (!isList) throw refused(name, "expected a list of filters");
    const tests = (line as readonly Where[]).map((each) => allOf(each, budget, depth + 1));
    return (metadata) => tests[name === "$or" ? "some" : "every"]((test) => test(metadata));
  }
  if (name.startsWith("$")) throw refused(name, "expected a label, $or or $and");
  const parsed = lineSchema.safeParse(line);
  if (!parsed.success)
    throw refused(name, "expected a value, or an object of $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists");
  const condition = typeof parsed.data === "object" ? parsed.data : { $eq: parsed.data };
  return (metadata) => holds(condition, Object.hasOwn(metadata, name) ? metadata[name] : undefined);
}

function isPlain(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function holds(condition: Condition, found: LabelValue | undefined): boolean {
  const is = (value: LabelValue) => found !== undefined && String(found) === String(value);
  const { $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists } = condition;
  return (
    ($eq === undefined || is($eq)) &&
    ($ne === undefined || !is($ne)) &&
    ($in === undefined || $in.some(is)) &&
    ($nin === undefined || !$nin.some(is)) &&
    ($exists === undefined || $exists === (found !== undefined)) &&
    ($gt === undefined || order(found, $gt) > 0) &&
    ($gte === undefined || order(found, $gte) >= 0) &&
    ($lt === undefined || order(found, $lt) < 0) &&
    ($lte === undefined || order(found, $lte) <= 0)
  );
}

/** Numbers as numbers, also where they are written as text; other texts by their characters, which is right for ISO dates. NaN: no order. */
function order(found: LabelValue | undefined, bound: string | number): number {
  if (found === undefined || typeof found === "boolean") return Number.NaN;
  const [a, b] = [numberOf(found), numberOf(bound)];
  if (!Number.isNaN(a) && !Number.isNaN(b)) return Math.sign(a - b);
  if (typeof found === "number" || typeof bound === "number" || !Number.isNaN(a) !== !Number.isNaN(b))
    return Number.NaN;
  return found < bound ? -1 : found > bound ? 1 : 0;
}

function numberOf(value: string | number): number {
  return typeof value === "number" ? value : value.trim() === "" ? Number.NaN : Number(value);
}

function refused(name: string, problem: string): OcellusError {
  return new OcellusError("invalid_request", `the filter's ${JSON.stringify(name.slice(0, 80))}: ${problem}`, {
    details: { param: "where", label: name },
  });
}
