/** Who is held out when: folds in which each class has its share, and images that are alike stay together. */

/** Fisher-Yates, in place. */
export function shuffle<T>(items: T[], random: () => number): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}

/**
 * Of each image its fold. The groups of a class go, largest first, to the fold that has the fewest of the class; a group of several
 * classes counts for that of its first image.
 * @param leaders of each image the first one of its group.
 */
export function assignFolds(
  targets: Int32Array,
  leaders: Int32Array,
  numFolds: number,
  random: () => number,
): Int32Array {
  const members = new Map([...leaders].map((leader) => [leader, [] as number[]]));
  for (const [i, leader] of leaders.entries()) members.get(leader)!.push(i);
  const numClasses = Math.max(...targets) + 1;
  const folds = new Int32Array(targets.length);
  const sizes = new Array<number>(numFolds).fill(0);
  for (let k = 0; k < numClasses; k++) {
    const groups = shuffle(
      [...members.values()].filter(([first]) => targets[first!] === k),
      random,
    );
    groups.sort((a, b) => b.length - a.length);
    const ofClass = new Array<number>(numFolds).fill(0);
    for (const group of groups) {
      const fold = fewest(ofClass, sizes);
      ofClass[fold]! += group.length;
      sizes[fold]! += group.length;
      for (const image of group) folds[image] = fold;
    }
  }
  return folds;
}

/** The fold with the fewest of a class; among equals, of all. */
function fewest(ofClass: readonly number[], sizes: readonly number[]): number {
  let best = 0;
  for (let fold = 1; fold < sizes.length; fold++)
    if (ofClass[fold]! < ofClass[best]! || (ofClass[fold] === ofClass[best] && sizes[fold]! < sizes[best]!))
      best = fold;
  return best;
}
