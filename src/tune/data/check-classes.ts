/** Whether labelled images are enough to learn classes from and to say how well that went; and labels that look misspelt. */
import { nearestNames, OcellusError } from "../../core/base/index.js";

/** As many as ImageNet has. */
const maxClasses = 1000;
/** A class of fewer images than this, beside one of nearly the same name, may be a slip of the pen. */
const fewImages = 5;

interface LabelCount {
  readonly label: string;
  readonly count: number;
}

/**
 * @param labels all that were named; some may have no image.
 * @returns sentences on labels that look like another's misspelling.
 * @throws `invalid_request` with details.reason: few_classes, empty_class, single_image; `too_large`.
 */
export function checkClasses(labels: readonly string[], images: readonly { readonly label: string }[]): string[] {
  const counts = countsOf(labels, images);
  if (labels.length < 2) throw refusal("few_classes", counts, "expected at least two classes");
  if (labels.length > maxClasses)
    throw new OcellusError("too_large", `expected at most ${maxClasses} classes, found ${labels.length}`, {
      details: { limit: maxClasses, found: labels.length },
    });
  const few = (most: number) => counts.filter(({ count }) => count === most);
  if (few(0).length > 0) throw refusal("empty_class", few(0), "classes without a usable image", labels);
  if (few(1).length > 0)
    throw refusal("single_image", few(1), "classes of one image, which leave none to test", labels);
  return misspellings(counts);
}

function countsOf(labels: readonly string[], images: readonly { readonly label: string }[]): LabelCount[] {
  const counts = new Map(labels.map((label) => [label, 0]));
  for (const { label } of images) counts.set(label, counts.get(label)! + 1);
  return [...counts].map(([label, count]) => ({ label, count }));
}

function refusal(
  reason: string,
  found: readonly LabelCount[],
  what: string,
  labels: readonly string[] = [],
): OcellusError {
  const classes = found.map(({ label }) => label);
  const nearest = Object.fromEntries(
    classes.flatMap((label) => {
      const [near] = nearestNames(label, labels.filter((other) => other !== label), 1); // biome-ignore format: one thought
      return near !== undefined && isSlip(label, near) ? [[label, near] as const] : [];
    }),
  );
  const named = classes
    .slice(0, 10)
    .map(
      (label) => `${JSON.stringify(label)}${label in nearest ? ` (misspelt ${JSON.stringify(nearest[label])}?)` : ""}`,
    );
  const message = `${what}: ${named.join(", ") || "none"}; add images, or remove the class`;
  return new OcellusError("invalid_request", message, { details: { reason, classes, nearest } });
}

function misspellings(counts: readonly LabelCount[]): string[] {
  const usual = counts.filter(({ count }) => count >= fewImages).map(({ label }) => label);
  return counts
    .filter(({ count }) => count < fewImages)
    .flatMap(({ label, count }) => {
      const [near] = nearestNames(label, usual, 1);
      if (near === undefined || !isSlip(label, near)) return [];
      return [`${JSON.stringify(label)} has ${count} images: is it ${JSON.stringify(near)}, misspelt?`];
    });
}

/** One letter too many, too few, wrong or swapped with its neighbour; or other capitals, spaces and hyphens. */
function isSlip(a: string, b: string): boolean {
  const [one, other] = [a, b].map((label) => label.toLowerCase().replaceAll(/[\s_-]+/g, "")) as [string, string];
  if (one === other) return true;
  if (Math.min(one.length, other.length) < 4) return false; // "cat" and "car" are two things
  let start = 0;
  while (one[start] !== undefined && one[start] === other[start]) start++;
  let [i, j] = [one.length, other.length];
  while (Math.min(i, j) > start && one[i - 1] === other[j - 1]) [i, j] = [i - 1, j - 1];
  const [left, right] = [one.slice(start, i), other.slice(start, j)];
  return Math.max(left.length, right.length) < 2 || left === [...right].reverse().join("");
}
