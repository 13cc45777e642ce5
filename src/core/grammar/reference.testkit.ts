/**
 * The same texts a second time, by other means: a schema as a parser that walks over all readings of a text at once, with
 * no derivatives, no automaton and no vocabulary. It knows a part of the keywords, and what is true of a beginning: that
 * some reading ran out of text before it failed.
 */
interface Reading {
  /** Where the part may end. */
  readonly ends: readonly number[];
  /** Whether the text ended inside it. */
  readonly isOpen: boolean;
}
type Parser = (text: string, at: number) => Reading;

const done = (at: number): Reading => ({ ends: [at], isOpen: false });
const failed: Reading = { ends: [], isOpen: false };

function merge(readings: readonly Reading[]): Reading {
  return { ends: [...new Set(readings.flatMap(({ ends }) => ends))], isOpen: readings.some(({ isOpen }) => isOpen) };
}

/** One character that the pattern matches. */
const one =
  (pattern: RegExp): Parser =>
  (text, at) =>
    at === text.length ? { ends: [], isOpen: true } : pattern.test(text[at]!) ? done(at + 1) : failed;

/** As `one`, for a single given character. */
const exactly =
  (character: string): Parser =>
  (text, at) =>
    at === text.length ? { ends: [], isOpen: true } : text[at] === character ? done(at + 1) : failed;

const literal = (word: string): Parser => sequence(...[...word].map(exactly));

function sequence(...parts: readonly Parser[]): Parser {
  return (text, at) => {
    let ends: readonly number[] = [at];
    let isOpen = false;
    for (const part of parts) {
      const reading = merge(ends.map((end) => part(text, end)));
      ends = reading.ends;
      isOpen ||= reading.isOpen;
    }
    return { ends, isOpen };
  };
}

const choice =
  (...parts: readonly Parser[]): Parser =>
  (text, at) =>
    merge(parts.map((part) => part(text, at)));

const maybe = (part: Parser): Parser => choice(part, (_, at) => done(at));

function many(part: Parser, min: number, max: number): Parser {
  return (text, at) => {
    const found: Reading[] = min === 0 ? [done(at)] : [];
    let reading = done(at);
    for (let count = 1; count <= max && reading.ends.length > 0; count++) {
      reading = merge(reading.ends.map((end) => part(text, end)));
      found.push(count >= min ? reading : { ends: [], isOpen: reading.isOpen });
    }
    return merge(found);
  };
}

const lazy =
  (make: () => Parser): Parser =>
  (text, at) =>
    make()(text, at);

const space = maybe(choice(literal(" "), sequence(literal("\n"), many(one(/[ \t]/), 0, 16))));
const colon = sequence(literal(":"), maybe(literal(" ")));
const comma = sequence(literal(","), space);
const hex = one(/[0-9a-fA-F]/);
const escaped = sequence(
  literal("\\"),
  choice(
    one(/["\\/bfnrt]/),
    sequence(literal("u"), one(/[0-9a-cefA-CEF]/), hex, hex, hex),
    sequence(literal("u"), one(/[dD]/), one(/[0-7]/), hex, hex),
    sequence(
      literal("u"),
      one(/[dD]/),
      one(/[89abAB]/),
      hex,
      hex,
      literal("\\u"),
      one(/[dD]/),
      one(/[c-fC-F]/),
      hex,
      hex,
    ),
  ),
);
/** Latin-1 stands for bytes here: one UTF-8 sequence. [RFC 3629, 4] */
const tail = one(/[\x80-\xbf]/);
const character = choice(
  one(/[\x20\x21\x23-\x5b\x5d-\x7f]/),
  sequence(one(/[\xc2-\xdf]/), tail),
  sequence(literal("\xe0"), one(/[\xa0-\xbf]/), tail),
  sequence(one(/[\xe1-\xec\xee\xef]/), tail, tail),
  sequence(literal("\xed"), one(/[\x80-\x9f]/), tail),
  sequence(literal("\xf0"), one(/[\x90-\xbf]/), tail, tail),
  sequence(one(/[\xf1-\xf3]/), tail, tail, tail),
  sequence(literal("\xf4"), one(/[\x80-\x8f]/), tail, tail),
  escaped,
);
const string = (min = 0, max = 1000) => sequence(literal('"'), many(character, min, max), literal('"'));
const digit = one(/\d/);
const whole = choice(literal("0"), sequence(one(/[1-9]/), many(digit, 0, 14)));
const integer = choice(literal("0"), sequence(maybe(literal("-")), one(/[1-9]/), many(digit, 0, 14)));
const number = sequence(
  maybe(literal("-")),
  whole,
  maybe(sequence(literal("."), many(digit, 1, 17))),
  maybe(sequence(one(/[eE]/), maybe(one(/[+-]/)), many(digit, 1, 2))),
);

const latin1 = (text: string) => String.fromCharCode(...new TextEncoder().encode(text));
const constant = (value: unknown) => literal(latin1(JSON.stringify(value)));

function list(item: Parser, min: number, max: number): Parser {
  const some = sequence(item, many(sequence(comma, item), Math.max(0, min - 1), max - 1), space, literal("]"));
  return sequence(literal("["), space, choice(min === 0 ? literal("]") : () => failed, max > 0 ? some : () => failed));
}

const anyValue: Parser = lazy(() =>
  choice(
    string(),
    number,
    literal("true"),
    literal("false"),
    literal("null"),
    list(anyValue, 0, 1000),
    sequence(
      literal("{"),
      space,
      choice(literal("}"), sequence(anyMember, many(sequence(comma, anyMember), 0, 1000), space, literal("}"))),
    ),
  ),
);
const anyMember = sequence(string(), colon, anyValue);

function object(properties: readonly (readonly [string, Parser])[], required: readonly string[]): Parser {
  const member = ([name, value]: readonly [string, Parser]) => sequence(constant(name), colon, value);
  const from = (i: number, isFirst: boolean): Parser => {
    if (i === properties.length) return isFirst ? literal("}") : sequence(space, literal("}"));
    const written = sequence(...(isFirst ? [] : [comma]), member(properties[i]!), from(i + 1, false));
    return required.includes(properties[i]![0]) ? written : choice(written, from(i + 1, isFirst));
  };
  return sequence(literal("{"), space, from(0, true));
}

/** As much of a schema as is parsed here. */
interface Schema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly type?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

function parserOf(schema: Schema, root: Schema): Parser {
  const { $ref } = schema;
  if ($ref) return lazy(() => parserOf(root.$defs![$ref.slice("#/$defs/".length)]!, root));
  if (schema.anyOf) return choice(...schema.anyOf.map((each) => parserOf(each, root)));
  if (schema.enum) return choice(...schema.enum.map(constant));
  if (schema.type === "string") return string(schema.minLength, schema.maxLength);
  if (schema.type === "integer") return integer;
  if (schema.type === "number") return number;
  if (schema.type === "boolean") return choice(literal("true"), literal("false"));
  if (schema.type === "null") return literal("null");
  if (schema.type === "array")
    return list(parserOf(schema.items!, root), schema.minItems ?? 0, schema.maxItems ?? 1000);
  if (schema.type !== "object") return anyValue;
  const properties = Object.entries(schema.properties!).map(([name, each]) => [name, parserOf(each, root)] as const);
  return object(properties, schema.required!);
}

/** Whether bytes (as Latin-1) begin a text of the schema, and whether they are a whole one. */
export function referenceParser(
  schema: Schema,
): (bytes: string) => { readonly begins: boolean; readonly isWhole: boolean } {
  const parser = parserOf(schema, schema);
  return (bytes) => {
    const { ends, isOpen } = parser(bytes, 0);
    const isWhole = ends.includes(bytes.length);
    return { begins: isOpen || isWhole, isWhole };
  };
}
