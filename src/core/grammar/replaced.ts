/**
 * An answer by a JSON schema with single leaves taken from another answer by the same schema. A leaf can be exchanged where nothing
 * but its own schema speaks of it: where a container on its way has branches, fixed values or asks for differing items, the
 * two answers could each satisfy another part of the schema, and what is joined none.
 */
import { isOfType, type SchemaObject } from "./keywords.js";
import { leavesOf, readValue } from "./leaves.js";
import { resolvePointer } from "./pointer.js";

/** What a container may say without tying its leaves together. */
const untying = new Set([
  ...["$ref", "$defs", "definitions", "$schema", "$id", "$comment", "title", "description", "default", "examples"],
  ...["type", "properties", "required", "additionalProperties", "items", "prefixItems", "minItems", "maxItems"],
]);

/** References to references: longer ones than any hand has written. */
const maxSteps = 1024;

/** Whether the leaf at these keys can be exchanged alone. */
export function isExchangeable(schema: unknown, keys: readonly string[]): boolean {
  let at: unknown = schema;
  for (const key of keys) {
    const container = withoutReferences(schema, at);
    if (!container || Object.keys(container).some((name) => !untying.has(name))) return false;
    at = childOf(container, key);
  }
  return at !== undefined && at !== false;
}

function withoutReferences(root: unknown, schema: unknown): SchemaObject | undefined {
  let at = schema;
  for (let step = 0; step < maxSteps && isOfType(at, "object"); step++) {
    const { $ref } = at as SchemaObject;
    if (typeof $ref !== "string") return at as SchemaObject;
    at = resolvePointer(root, $ref);
  }
  return undefined;
}

function childOf(
  { properties, additionalProperties = true, items = true, prefixItems, ...rest }: SchemaObject,
  key: string,
) {
  if (properties && Object.hasOwn(properties as object, key)) return (properties as SchemaObject)[key];
  if (properties !== undefined || rest.type === "object") return additionalProperties;
  const first = (prefixItems as readonly unknown[] | undefined)?.[Number(key)];
  return first ?? items;
}

interface AnswerLeaf {
  readonly pointer: string;
  readonly keys: readonly string[];
  readonly value: unknown;
}

/** The leaves of a whole JSON answer. */
export function answerLeaves(text: string): AnswerLeaf[] {
  const bytes = asBytes(text);
  return leavesOf(bytes, true).map(({ pointer, keys, start, end }) => {
    return { pointer, keys, value: readValue(bytes.slice(start, end)) };
  });
}

/** The answer with the leaf as it is written in the other; layout and digits stay as they are. Undefined where either has no such leaf. */
export function withLeafOf(text: string, other: string, pointer: string): string | undefined {
  const [bytes, otherBytes] = [asBytes(text), asBytes(other)];
  const [own, found] = [bytes, otherBytes].map((each) => leavesOf(each, true).find((leaf) => leaf.pointer === pointer));
  if (!own || !found) return undefined;
  const joined = bytes.slice(0, own.start) + otherBytes.slice(found.start, found.end) + bytes.slice(own.end);
  return new TextDecoder().decode(Uint8Array.from(joined, (char) => char.charCodeAt(0)));
}

/** One character a byte. */
function asBytes(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}
