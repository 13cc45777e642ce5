/** How well held-out images were classified: shares with Wilson's intervals, what was taken for what, and labels that look wrong. */
import { type Reliability, reliabilityOf, wilsonInterval } from "../../evals/index.js";

export interface Share {
  readonly value: number;
  /** 95 %. */
  readonly low: number;
  readonly high: number;
  readonly images: number;
}

export interface ClassScore {
  readonly label: string;
  readonly recall: Share;
  /** Of the images that were taken for this class; undefined: none was. */
  readonly precision: Share | undefined;
  /** The class that its images were taken for most often. */
  readonly takenFor: { readonly label: string; readonly images: number } | undefined;
}

export interface Suspect {
  readonly path: string;
  readonly label: string;
  readonly predicted: string;
  readonly probability: number;
}

export interface HeadScores {
  readonly accuracy: Share;
  /** The mean of the classes' recalls. */
  readonly balancedAccuracy: number;
  readonly classes: readonly ClassScore[];
  /** Rows: the label; columns: what it was taken for. In the order of `classes`. */
  readonly confusion: readonly (readonly number[])[];
  /** Images that are classified otherwise than labelled, and surely: a label may be wrong. The surest first. */
  readonly suspects: readonly Suspect[];
}

export function share(correct: number, total: number): Share {
  return { value: total === 0 ? 0 : correct / total, ...wilsonInterval(correct, total), images: total };
}

/** The class of the largest number of each row. */
export function predictedOf(values: ArrayLike<number>, numClasses: number): Int32Array {
  return Int32Array.from({ length: values.length / numClasses }, (_, i) => {
    let best = 0;
    for (let k = 1; k < numClasses; k++) if (values[i * numClasses + k]! > values[i * numClasses + best]!) best = k;
    return best;
  });
}

export interface Judged {
  readonly labels: readonly string[];
  readonly targets: Int32Array;
  readonly paths: readonly string[];
  /** [images, classes] */
  readonly probabilities: Float64Array;
}

const mostSuspects = 20;
const suspectFrom = 0.9;

export function scoreHead({ labels, targets, paths, probabilities }: Judged): HeadScores {
  const predicted = predictedOf(probabilities, labels.length);
  const confusion = labels.map(() => labels.map(() => 0));
  for (const [i, target] of targets.entries()) confusion[target]![predicted[i]!]!++;
  const classes = labels.map((label, k) => classScore(label, k, confusion, labels));
  const correct = labels.reduce((sum, _, k) => sum + confusion[k]![k]!, 0);
  const suspects = paths.flatMap((path, i): Suspect[] => {
    const [found, target] = [predicted[i]!, targets[i]!];
    const probability = probabilities[i * labels.length + found]!;
    if (found === target || probability < suspectFrom) return [];
    return [{ path, label: labels[target]!, predicted: labels[found]!, probability }];
  });
  return {
    accuracy: share(correct, targets.length),
    balancedAccuracy: classes.reduce((sum, { recall }) => sum + recall.value, 0) / labels.length,
    classes,
    confusion,
    suspects: suspects.sort((a, b) => b.probability - a.probability).slice(0, mostSuspects),
  };
}

function classScore(label: string, k: number, confusion: readonly number[][], labels: readonly string[]): ClassScore {
  const row = confusion[k]!;
  const [right, count] = [row[k]!, row.reduce((sum, n) => sum + n, 0)];
  const taken = confusion.reduce((sum, each) => sum + each[k]!, 0);
  const others = row.map((n, other) => (other === k ? 0 : n));
  const most = Math.max(...others);
  return {
    label,
    recall: share(right, count),
    precision: taken === 0 ? undefined : share(right, taken),
    takenFor: most === 0 ? undefined : { label: labels[others.indexOf(most)]!, images: most },
  };
}

/** Of the most probable class of each image. */
export function reliabilityOfHead({ targets, probabilities, labels }: Omit<Judged, "paths">): Reliability {
  const predicted = predictedOf(probabilities, labels.length);
  return reliabilityOf(
    Array.from(targets, (target, i) => ({
      kind: "enum" as const,
      probability: probabilities[i * labels.length + predicted[i]!]!,
      correct: predicted[i] === target,
    })),
  );
}
