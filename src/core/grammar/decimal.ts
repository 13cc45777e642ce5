/**
 * JSON numbers within limits. Limits are kept by small automata that read the digits and compare or divide as they go.
 * Numbers are kept to what every reader holds exactly: 15 digits before the point, and exponents of two digits.
 */
import type { Derivatives } from "./derivative.js";
import type { Expression, Machine } from "./expression.js";

export interface NumberLimits {
  readonly isWhole: boolean;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly exclusiveMinimum?: number | undefined;
  readonly exclusiveMaximum?: number | undefined;
  readonly multipleOf?: number | undefined;
}

/** A larger whole number is not exact in a double: 2^53 has 16 digits. */
const maxDigits = 15;
/** A double is told from its neighbours by 17 digits. */
const maxFraction = 17;

/** Limits from here on hold for every number that can be written. */
export const largest = 10 ** maxDigits;

/**
 * A number within the limits; `nothing` when there is none. Exponents are written only where there are no limits; with
 * limits, 15 digits in all, for which no two texts are read as the same double.
 */
export function jsonNumber(derivatives: Derivatives, limits: NumberLimits): Expression {
  const { of } = derivatives;
  const digit = of.oneOf("0123456789");
  const minus = of.text("-");
  const positive = of.sequence(of.oneOf("123456789"), of.repeat(digit, 0, maxDigits - 1));
  const magnitude = of.choice([of.text("0"), positive]);
  const fraction = of.optional(of.sequence(of.text("."), of.repeat(digit, 1, maxFraction)));
  const { isWhole, ...bounds } = limits;
  if (Object.values(bounds).some((bound) => bound !== undefined)) {
    const written = isWhole || limits.multipleOf !== undefined ? magnitude : of.sequence(magnitude, fraction);
    const side = (sign: 1 | -1) => withinLimits(derivatives, written, limitsOf(limits, sign));
    return of.lexeme(of.choice([side(1), of.sequence(minus, side(-1))]));
  }
  if (isWhole) return of.lexeme(of.choice([of.text("0"), of.sequence(of.optional(minus), positive)]));
  const exponent = of.sequence(of.oneOf("eE"), of.optional(of.oneOf("+-")), of.repeat(digit, 1, 2));
  return of.lexeme(of.sequence(of.optional(minus), magnitude, fraction, of.optional(exponent)));
}

function withinLimits(
  derivatives: Derivatives,
  written: Expression,
  machines: readonly Machine[] | undefined,
): Expression {
  const { of } = derivatives;
  if (!machines) return of.nothing;
  for (const digit of "0123456789") of.text(digit); // the machines tell them apart
  return [atMostDigits(maxDigits), ...machines]
    .map((machine) => of.machine(machine))
    .reduce((a, b) => derivatives.both(a, b), written);
}

/** What the number without its sign must satisfy; undefined when no number of that sign is allowed. */
function limitsOf(limits: NumberLimits, sign: 1 | -1): Machine[] | undefined {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = limits;
  const bounds = [
    { at: minimum, side: 1, isOpen: false },
    { at: exclusiveMinimum, side: 1, isOpen: true },
    { at: maximum, side: -1, isOpen: false },
    { at: exclusiveMaximum, side: -1, isOpen: true },
    ...(sign < 0 ? [{ at: 0, side: -1, isOpen: true }] : []), // there is no -0
  ];
  const machines = multipleOf === undefined ? [] : [multiple(multipleOf, 0)];
  for (const { at, side, isOpen } of bounds) {
    if (at === undefined) continue;
    const bound = at * sign;
    const isLower = side === sign;
    if (bound < 0 || (bound === 0 && !isOpen)) {
      if (!isLower && bound < 0) return undefined;
      if (isLower) continue;
    }
    if (Math.abs(bound) < largest) machines.push(comparison(bound, isLower, isOpen));
    else if (isLower) return undefined;
  }
  return machines;
}

/** Decimal digits whose number leaves `remainder`, so far, when divided. */
function multiple(divisor: number, remainder: number): Machine {
  return {
    key: `multiple ${divisor} ${remainder}`,
    accepts: remainder === 0,
    step: (byte) => (isDigit(byte) ? multiple(divisor, (remainder * 10 + byte - zeroByte) % divisor) : undefined),
  };
}

function atMostDigits(left: number): Machine {
  return {
    key: `digits ${left}`,
    accepts: true,
    step: (byte) => (isDigit(byte) ? (left > 0 ? atMostDigits(left - 1) : undefined) : atMostDigits(left)),
  };
}

interface Comparison {
  /** The bound's digits before and after the point, without idle zeros. */
  readonly whole: string;
  readonly fraction: string;
  readonly accepts: (order: number) => boolean;
  readonly name: string;
}

/** Numbers, without a sign, above or below a bound. */
function comparison(bound: number, isLower: boolean, isOpen: boolean): Machine {
  const [whole = "0", fraction = ""] = plainDecimal(bound).split(".");
  const wanted = isLower ? 1 : -1;
  const accepts = (order: number) => order === wanted || (order === 0 && !isOpen);
  return compareWhole({ whole, fraction, accepts, name: `${isLower ? ">" : "<"}${isOpen ? "" : "="}${bound}` }, 0, 0);
}

/** `order` is that of the digits read, against the bound's first: -1, 0 or 1; a longer whole part is larger. */
function compareWhole(to: Comparison, read: number, order: number): Machine {
  const { whole, fraction, accepts, name } = to;
  const settled = Math.sign(read - whole.length) || order;
  return {
    key: `${name} ${read} ${order}`,
    accepts: accepts(settled || (fraction === "" ? 0 : -1)),
    step(byte) {
      if (byte === pointByte) return compareFraction(to, 0, settled);
      if (!isDigit(byte)) return undefined;
      if (read >= whole.length) return compareWhole(to, whole.length + 1, 1);
      return compareWhole(to, read + 1, order || Math.sign(byte - whole.charCodeAt(read)));
    },
  };
}

function compareFraction(to: Comparison, read: number, order: number): Machine {
  const { fraction, accepts, name } = to;
  return {
    key: `${name} .${read} ${order}`,
    accepts: accepts(order || (read < fraction.length ? -1 : 0)),
    step(byte) {
      if (!isDigit(byte)) return undefined;
      if (order !== 0) return compareFraction(to, 0, order);
      const against = fraction.charCodeAt(read) || zeroByte;
      return compareFraction(to, Math.min(read + 1, fraction.length), Math.sign(byte - against));
    },
  };
}

const zeroByte = 0x30;
const pointByte = 0x2e;

function isDigit(byte: number): boolean {
  return byte >= zeroByte && byte <= 0x39;
}

/** A number below 10^15 as JavaScript prints it, but never with an exponent. */
function plainDecimal(value: number): string {
  const [digits, exponent] = String(value).split("e-") as [string, string | undefined];
  if (exponent === undefined) return digits;
  return `0.${"0".repeat(Number(exponent) - 1)}${digits.replace(".", "")}`;
}
