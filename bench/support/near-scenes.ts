/**
 * Pictures that a person would tell apart at one place only: forms of small print and still lives on a rough ground, drawn from a
 * seed, and the same with one thing changed. SVG by librsvg, with whatever fonts the machine has.
 */
import sharp from "sharp";

/** A form's print is 11 to 19 pixels high; fine print 8 to 11. */
export const kinds = ["form", "fine print", "still life"] as const;
export type Kind = (typeof kinds)[number];
export const changes = ["digit", "colour", "pattern", "moved", "removed", "next page"] as const;
export type Change = (typeof changes)[number];

export interface Scene {
  readonly width: number;
  readonly height: number;
  readonly rgb: Buffer;
}

type Random = () => number;

/** Mulberry32. */
export function randomNumbers(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const between = (random: Random, low: number, high: number) => low + random() * (high - low);
const whole = (random: Random, below: number) => Math.floor(random() * below);
const pick = <T>(random: Random, from: readonly T[]): T => from[whole(random, from.length)]!;

/** The tints of the bundled demo model: colours that have a name. */
const tints = ["#de1c26", "#ff8a0a", "#fce028", "#22963a", "#3cd0dc", "#1e54e4", "#8a30b6", "#ff96c0", "#70401e"];
const words =
  "Total Order Date Name Street City Phone Amount Tax Due Paid Item Code Branch Account Number Unit Price".split(" ");
const patterns = ["plain", "striped", "dotted", "checked"];

export async function drawScene(kind: Kind, seed: number, change?: Change): Promise<Scene> {
  const svg =
    kind === "still life" ? stillLife(seed, change) : form(seed, change, kind === "form" ? [11, 19] : [8, 11]);
  const { data, info } = await sharp(Buffer.from(svg)).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, rgb: data };
}

interface Field {
  label: string;
  value: string;
  x: number;
  y: number;
  size: number;
  badge: { colour: string; x: number } | undefined;
}

/** A page of labelled values, some with a coloured badge. */
function form(seed: number, change: Change | undefined, [least, most]: readonly [number, number]): string {
  const random = randomNumbers(seed);
  const [width, height] = [256 + whole(random, 190), 256 + whole(random, 190)];
  const isDark = random() < 0.25;
  const [paper, ink] = isDark ? ["#20242c", "#e8e8ea"] : [pick(random, ["#ffffff", "#f4f6f8", "#fffbe8"]), "#1c1e24"];
  const family = pick(random, ["sans-serif", "serif", "monospace"]);
  const fields: Field[] = [];
  let y = 34;
  while (y < height - 24) {
    const size = between(random, least, most);
    for (let x = 14; x < width - 140; x += 190) {
      const value = Array.from({ length: 3 + whole(random, 6) }, () => whole(random, 10)).join("");
      const badge = random() < 0.25 ? { colour: pick(random, tints), x: x + 152 } : undefined;
      fields.push({ label: pick(random, words), value, x, y, size, badge });
    }
    y += size + between(random, 8, 18);
  }
  alterForm(fields, change, randomNumbers(seed ^ 0x5bd1e995));
  const lines = fields.map(({ label, value, x, y, size, badge }) => {
    const mark = badge
      ? `<rect x="${badge.x}" y="${y - size * 0.8}" width="18" height="${size * 0.8}" rx="3" fill="${badge.colour}"/>`
      : "";
    return `<text x="${x}" y="${y}" font-size="${size}">${label}: ${value}</text>${mark}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%" fill="${paper}"/>
    <rect x="0" y="0" width="100%" height="12" fill="#3c5aa0"/><g font-family="${family}" fill="${ink}">${lines.join("")}</g></svg>`;
}

function alterForm(fields: Field[], change: Change | undefined, random: Random): void {
  const withBadge = fields.filter(({ badge }) => badge);
  const field = pick(random, change === "colour" && withBadge.length > 0 ? withBadge : fields);
  switch (change) {
    case undefined:
      return;
    case "digit":
      field.value = withOtherDigit(field.value, random);
      return;
    case "colour":
      field.badge = {
        colour: pick(
          random,
          tints.filter((tint) => tint !== field.badge?.colour),
        ),
        x: field.x + 152,
      };
      return;
    case "moved": // to the neighbouring line, as a tick from one box to the next
      field.badge = field.badge ? { ...field.badge, x: field.badge.x - 8 } : undefined;
      if (!field.badge) field.x += 8;
      return;
    case "removed":
      fields.splice(fields.indexOf(field), 1);
      return;
    case "pattern": // there is none on a form: two values change places
    case "next page":
      for (const each of fields)
        if (change === "next page" || each === field) each.value = shuffledDigits(each.value, random);
      return;
    default:
      change satisfies never;
  }
}

function withOtherDigit(value: string, random: Random): string {
  const at = whole(random, value.length);
  const digit = (Number(value[at]) + 1 + whole(random, 9)) % 10;
  return value.slice(0, at) + digit + value.slice(at + 1);
}

function shuffledDigits(value: string, random: Random): string {
  const digits = Array.from(value, (digit) => String((Number(digit) + 1 + whole(random, 9)) % 10));
  return digits.join("");
}

interface Thing {
  shape: number;
  x: number;
  y: number;
  size: number;
  turn: number;
  colour: string;
  pattern: string;
}

/** Things with names, colours and patterns on a rough ground, and a price; like a photo, it has grain and soft light. */
function stillLife(seed: number, change: Change | undefined): string {
  const random = randomNumbers(seed);
  const [width, height] = [256 + whole(random, 190), 256 + whole(random, 190)];
  const unit = Math.min(width, height);
  const ground = `hsl(${whole(random, 360)},${whole(random, 40)}%,${45 + whole(random, 40)}%)`;
  const roughness = between(random, 0.01, 0.15).toFixed(3);
  const things = Array.from(
    { length: 2 + whole(random, 5) },
    (): Thing => ({
      shape: whole(random, 3),
      x: between(random, 0.15, 0.85) * width,
      y: between(random, 0.15, 0.7) * height,
      size: between(random, 0.1, 0.28) * unit,
      turn: between(random, -25, 25),
      colour: pick(random, tints),
      pattern: pick(random, patterns),
    }),
  );
  const price = { text: String(10 + whole(random, 990)), size: between(random, 0.06, 0.1) * unit };
  alterStillLife(things, price, change, randomNumbers(seed ^ 0x5bd1e995), unit);
  const fills = things.map(({ colour, pattern }, i) => patternFill(`p${i}`, colour, pattern));
  const shapes = things.map((thing, i) => shapeOf(thing, `url(#p${i})`));
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><defs>${fills.join("")}
    <filter id="rough" x="0" y="0" width="100%" height="100%"><feTurbulence type="fractalNoise" baseFrequency="${roughness}" numOctaves="4" seed="${seed % 997}"/>
    <feColorMatrix values="0.5 0 0 0 0.2 0.5 0 0 0 0.2 0.5 0 0 0 0.2 0 0 0 0 0.35"/></filter></defs>
    <rect width="100%" height="100%" fill="${ground}"/>${shapes.join("")}<rect width="100%" height="100%" filter="url(#rough)"/>
    <rect x="${width * 0.1}" y="${height - price.size * 1.6}" width="${price.size * 3}" height="${price.size * 1.3}" fill="#fff"/>
    <text x="${width * 0.1 + 6}" y="${height - price.size * 0.6}" font-size="${price.size}" font-family="sans-serif" font-weight="bold">$${price.text}</text></svg>`;
}

function alterStillLife(
  things: Thing[],
  price: { text: string },
  change: Change | undefined,
  random: Random,
  unit: number,
): void {
  const thing = things.at(-1)!; // nothing lies on it
  switch (change) {
    case undefined:
      return;
    case "digit":
      price.text = withOtherDigit(price.text, random);
      return;
    case "colour":
      thing.colour = pick(
        random,
        tints.filter((tint) => tint !== thing.colour),
      );
      return;
    case "pattern":
      thing.pattern = pick(
        random,
        patterns.filter((pattern) => pattern !== thing.pattern),
      );
      return;
    case "moved":
      thing.x += (random() < 0.5 ? -1 : 1) * between(random, 0.03, 0.15) * unit;
      return;
    case "removed":
      things.pop();
      return;
    case "next page": // the same shop, another thing in the same place
      thing.shape = (thing.shape + 1) % 3;
      return;
    default:
      change satisfies never;
  }
}

function patternFill(id: string, colour: string, pattern: string): string {
  const marks: Record<string, string> = {
    plain: "",
    striped: `<rect width="6" height="16" fill="#fff" opacity="0.85"/>`,
    dotted: `<circle cx="8" cy="8" r="4" fill="#fff" opacity="0.85"/>`,
    checked: `<rect width="8" height="8" fill="#fff" opacity="0.85"/><rect x="8" y="8" width="8" height="8" fill="#fff" opacity="0.85"/>`,
  };
  return `<pattern id="${id}" width="16" height="16" patternUnits="userSpaceOnUse"><rect width="16" height="16" fill="${colour}"/>${marks[pattern]}</pattern>`;
}

function shapeOf({ shape, x, y, size, turn }: Thing, fill: string): string {
  const half = size / 2;
  const place = `transform="translate(${x} ${y}) rotate(${turn})" fill="${fill}" stroke="#333" stroke-width="1"`;
  if (shape === 0) return `<ellipse rx="${half}" ry="${half * 0.75}" ${place}/>`;
  if (shape === 1) return `<rect x="${-half}" y="${-half}" width="${size}" height="${size * 0.8}" rx="6" ${place}/>`;
  return `<path d="M0 ${-half} L${half} ${half} L${-half} ${half} Z" ${place}/>`;
}
