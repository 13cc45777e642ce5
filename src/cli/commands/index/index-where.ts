/** `--where 'price>=10'` and `--filter JSON` of `ocellus index`: which entries are meant, by their labels. */
import { InvalidArgumentError, Option } from "commander";
import { OcellusError } from "../../../core/base/index.js";
import { filterOf, type Where } from "../../../retrieval/index.js";

export interface WhereFlags {
  readonly where?: readonly Where[];
  readonly filter?: Where;
}

const operators: Readonly<Record<string, string>> = {
  "=": "$eq",
  "!=": "$ne",
  ">": "$gt",
  ">=": "$gte",
  "<": "$lt",
  "<=": "$lte",
};

export function whereOption(): Option {
  return new Option(
    "--where <condition>",
    "metadata condition: key=value, !=, >, >=, <, <= (repeatable; all must hold)",
  ).argParser((text, before: readonly Where[] = []) => [...before, conditionOf(text)]);
}

export function filterOption(): Option {
  return new Option(
    "--filter <json>",
    'metadata filter as JSON: {"$or": [{"shelf": "A"}, {"price": {"$lt": 5}}]}, also $and, $in, $nin, $exists',
  ).argParser(filterOfJson);
}

/** All of what the flags say; undefined where they say nothing. */
export function whereOf({ where = [], filter }: WhereFlags): Where | undefined {
  const all = [...where, ...(filter ? [filter] : [])];
  if (all.length === 0) return undefined;
  return all.length === 1 ? all[0]! : { $and: all };
}

/** The key ends at the first sign: a value may have others in it. */
function conditionOf(text: string): Where {
  const [, key, sign, value] = /^([^=<>!]+)(!=|>=|<=|=|>|<)(.*)$/s.exec(text) ?? [];
  if (key === undefined) throw new InvalidArgumentError("Expected key=value, or !=, >, >=, < or <= between them.");
  return { [key]: { [operators[sign!]!]: value! } };
}

function filterOfJson(text: string): Where {
  try {
    const where = JSON.parse(text) as Where;
    if (typeof where !== "object" || where === null || Array.isArray(where)) throw new SyntaxError("no object");
    filterOf(where);
    return where;
  } catch (cause) {
    if (cause instanceof OcellusError) throw cause;
    throw new InvalidArgumentError('Expected a JSON object such as {"price": {"$lt": 5}}.');
  }
}
