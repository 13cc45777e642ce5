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

/** How many brackets with their parts on own lines a value lies in; undefined: within one whose parts share a line. */
type Depth = number | undefined;
type At = (depth: Depth) => Parser;
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

/** What `parts` makes of an inner depth, a colon, a comma and an end: on one line, or on lines of two spaces more. */
const bracketed =
  (open: string, close: string, parts: (inner: Depth, colon: Parser, comma: Parser, end: Parser) => Parser): At =>
  (depth) => {
    const spaced = (sign: string) => sequence(literal(sign), maybe(literal(" ")));
    const onOneLine = parts(undefined, spaced(":"), spaced(","), literal(close));
    if (depth === undefined || depth === 8) return sequence(literal(open), onOneLine);
    const line = (count: number) => literal(`\n${" ".repeat(2 * count)}`);
    const comma = sequence(literal(","), line(depth + 1));
    const end = sequence(line(depth), literal(close));
    const onLines = sequence(line(depth + 1), parts(depth + 1, literal(": "), comma, end));
    return sequence(literal(open), choice(onOneLine, onLines));
  };

/** Written without white space. */
const orEmpty =
  (brackets: string, isAllowed: boolean, at: At): At =>
  (depth) =>
    isAllowed ? choice(literal(brackets), at(depth)) : at(depth);

function list(item: At, min: number, max: number): At {
  const some = bracketed("[", "]", (inner, _, comma, end) =>
    max === 0
      ? () => failed
      : sequence(item(inner), many(sequence(comma, item(inner)), Math.max(0, min - 1), max - 1), end),
  );
  return orEmpty("[]", min === 0, some);
}

const anyValue: At = (depth) =>
  lazy(() =>
    choice(
      string(),
      number,
      literal("true"),
      literal("false"),
      literal("null"),
      list(anyValue, 0, 1000)(depth),
      orEmpty("{}", true, someMembers)(depth),
    ),
  );
const someMembers = bracketed("{", "}", (inner, colon, comma, end) => {
  const member = sequence(string(), colon, anyValue(inner));
  return sequence(member, many(sequence(comma, member), 0, 1000), end);
});

function object(properties: readonly (readonly [string, At])[], required: readonly string[]): At {
  const some = bracketed("{", "}", (inner, colon, comma, end) => {
    const from = (i: number, isFirst: boolean): Parser => {
      if (i === properties.length) return isFirst ? () => failed : end;
      const [name, value] = properties[i]!;
      const member = sequence(constant(name), colon, value(inner));
      const written = sequence(...(isFirst ? [] : [comma]), member, from(i + 1, false));
      return required.includes(name) ? written : choice(written, from(i + 1, isFirst));
    };
    return from(0, true);
  });
  return orEmpty("{}", required.length === 0, some);
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

function parserOf(schema: Schema, root: Schema): At {
  const { $ref } = schema;
  if ($ref) return (depth) => lazy(() => parserOf(root.$defs![$ref.slice("#/$defs/".length)]!, root)(depth));
  if (schema.anyOf) {
    const branches = schema.anyOf.map((each) => parserOf(each, root));
    return (depth) => choice(...branches.map((branch) => branch(depth)));
  }
  if (schema.enum) return always(choice(...schema.enum.map(constant)));
  if (schema.type === "string") return always(string(schema.minLength, schema.maxLength));
  if (schema.type === "integer") return always(integer);
  if (schema.type === "number") return always(number);
  if (schema.type === "boolean") return always(choice(literal("true"), literal("false")));
  if (schema.type === "null") return always(literal("null"));
  if (schema.type === "array")
    return list(parserOf(schema.items!, root), schema.minItems ?? 0, schema.maxItems ?? 1000);
  if (schema.type !== "object") return anyValue;
  const properties = Object.entries(schema.properties!).map(([name, each]) => [name, parserOf(each, root)] as const);
  return object(properties, schema.required!);
}

const always =
  (parser: Parser): At =>
  () =>
    parser;

/** Whether bytes (as Latin-1) begin a text of the schema, and whether they are a whole one. */
export function referenceParser(
  schema: Schema,
): (bytes: string) => { readonly begins: boolean; readonly isWhole: boolean } {
  const parser = parserOf(schema, schema)(0);
  return (bytes) => {
    const { ends, isOpen } = parser(bytes, 0);
    const isWhole = ends.includes(bytes.length);
    return { begins: isOpen || isWhole, isWhole };
  };
}
