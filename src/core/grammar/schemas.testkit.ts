/** Random schemas of everything that is supported, each of which some value satisfies. */
import fc from "fast-check";

const name = fc.constantFrom("name", "class", "colour", "a", "aa", "你好", 'q"\\', "x y", "");
const smallCount = fc.integer({ min: 0, max: 4 });

const lengths = fc
  .tuple(smallCount, smallCount)
  .map(([least, more]) => ({ minLength: least, maxLength: least + more }));
const patterns = fc.constantFrom(
  ...[
    "^[a-z]{2,5}$",
    "^(ab|a)+$",
    "[0-9]",
    "^\\d{3}-\\d{2}$",
    "^$|^x+$",
    "a\\.b",
    "^[^a-z]*$",
    "[\\u4e00-\\u9fff]{1,2}$",
    "^\\p{Lu}\\w*",
  ],
  ...[
    "^(?!a)[a-c]+$",
    "^(?=.*\\d)\\w{1,4}$",
    "^(?!.*aa)[ab]{1,6}$",
    '^"\\\\/$',
    "^.{0,3}$",
    "^\\s?\\S$",
    "^(?:[01]\\d|2[0-3]):[0-5]\\d$",
  ],
);
const formats = fc.constantFrom(
  "date",
  "time",
  "date-time",
  "duration",
  "email",
  "hostname",
  "ipv4",
  "ipv6",
  "uuid",
  "uri",
);
const strings = fc
  .oneof(
    fc.constant({}),
    lengths,
    lengths.map(({ minLength }) => ({ minLength })),
    patterns.map((pattern) => ({ pattern })),
    formats.map((format) => ({ format })),
    fc.constant({ pattern: "^[a-z]+$", minLength: 2, maxLength: 6 }),
    fc.constant({
      format: "email",
      pattern:
        "^(?!\\.)(?!.*\\.\\.)([A-Za-z0-9_'+\\-\\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\\-]*\\.)+[A-Za-z]{2,}$",
    }),
  )
  .map((limits) => ({ type: "string", ...limits }));

const bound = fc.oneof(
  fc.integer({ min: -300, max: 300 }),
  fc.integer({ min: -3000, max: 3000 }).map((n) => n / 100),
);
const width = fc.integer({ min: 12, max: 500 });
const numbers = fc
  .tuple(
    fc.constantFrom("integer", "number"),
    fc.constantFrom("", "low", "high", "both", "open", "multiple"),
    bound,
    width,
  )
  .map(([type, kind, low, wide]) => {
    const limits = {
      low: { minimum: low },
      high: { maximum: low },
      both: { minimum: low, maximum: low + wide },
      open: { exclusiveMinimum: low, exclusiveMaximum: low + wide },
      multiple: { minimum: low, maximum: low + wide, multipleOf: 3 },
      "": {},
    }[kind];
    return { type, ...limits };
  });

const plain = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const constants = fc.oneof(
  fc
    .uniqueArray(plain, { minLength: 1, maxLength: 4, selector: (value) => JSON.stringify(value) })
    .map((list) => ({ enum: list })),
  plain.map((value) => ({ const: value })),
  fc.constant({ type: ["string", "null"], enum: ["red", "blue", null, 4] }),
);

interface Schema {
  readonly [keyword: string]: unknown;
}

function objectSchema(
  members: readonly { name: string; schema: Schema; isRequired: boolean }[],
  further: false | undefined | Schema,
): Schema {
  return {
    type: "object",
    properties: Object.fromEntries(members.map((member) => [member.name, member.schema])),
    required: members.filter(({ isRequired }) => isRequired).map((member) => member.name),
    ...(further !== undefined && { additionalProperties: further }),
  };
}

const schemas = fc.letrec<{ any: Schema; leaf: Schema; object: Schema; array: Schema; tuple: Schema; union: Schema }>(
  (tie) => ({
    leaf: fc.oneof(
      strings,
      numbers,
      constants,
      fc.constantFrom<Schema>(
        { type: "boolean" },
        { type: "null" },
        { type: ["integer", "null"] },
        { type: "object" },
        {},
        { type: "array" },
      ),
    ),
    object: fc
      .tuple(
        fc.uniqueArray(fc.record({ name, schema: tie("any"), isRequired: fc.boolean() }), {
          maxLength: 4,
          selector: (member) => member.name,
        }),
        fc.oneof(fc.constant(false as const), fc.constant(undefined), tie("leaf")),
      )
      .map(([members, further]) => objectSchema(members, further)),
    array: fc
      .tuple(tie("any"), smallCount, smallCount)
      .map(([items, least, more]): Schema => ({ type: "array", items, minItems: least, maxItems: least + more })),
    tuple: fc.tuple(fc.array(tie("any"), { minLength: 1, maxLength: 3 }), fc.boolean(), fc.nat(2)).map(
      ([prefixItems, isClosed, minItems]): Schema => ({
        type: "array",
        prefixItems,
        minItems: Math.min(minItems, prefixItems.length),
        ...(isClosed && { items: false, maxItems: prefixItems.length }),
      }),
    ),
    union: fc.array(tie("any"), { minLength: 1, maxLength: 3 }).map((anyOf): Schema => ({ anyOf })),
    any: fc.oneof(
      { maxDepth: 3, depthSize: "small" },
      tie("leaf"),
      tie("object"),
      tie("array"),
      tie("tuple"),
      tie("union"),
    ),
  }),
);

/** Now and then inside a schema that refers to itself. */
export const randomSchema: fc.Arbitrary<Schema> = fc.oneof(
  { weight: 5, arbitrary: schemas.any },
  {
    weight: 1,
    arbitrary: schemas.any.map((value) => ({
      type: "object",
      properties: { value, next: { anyOf: [{ type: "null" }, { $ref: "#" }] } },
      required: ["value", "next"],
      additionalProperties: false,
    })),
  },
  {
    weight: 1,
    arbitrary: schemas.any.map((leaf) => ({
      $defs: { tree: { anyOf: [{ $ref: "#/$defs/leaf" }, { type: "array", items: { $ref: "#/$defs/tree" } }] }, leaf },
      $ref: "#/$defs/tree",
    })),
  },
);
