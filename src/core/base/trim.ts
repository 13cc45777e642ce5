/**
 * Endings cut off without a pattern: /x+$/ starts again at every character of a run that the text does not end with, which
 * takes quadratic time.
 */

/** The text without those of `characters` that it ends with. */
export function trimEndOf(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text[end - 1]!)) end--;
  return text.slice(0, end);
}
