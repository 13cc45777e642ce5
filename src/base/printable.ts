/** Text from outside on its way into a message: names in a file may be megabytes long and full of terminal commands. */

/**
 * Control characters, line ends, lone surrogates and the invisible marks that turn text around, as escapes, so that the
 * text stays one line and a terminal shows it and does nothing else.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    if (character === "\n") return "\\n";
    return `\\u{${character.codePointAt(0)!.toString(16)}}`;
  });
}

/** The first `limit` characters, printable; 80 hold every tensor name of a published model and leave a message short. */
export function shorten(text: string, limit = 80): string {
  const shown = printable(text.slice(0, limit));
  return text.length <= limit && shown.length <= limit ? shown : `${shown.slice(0, limit)}…`;
}
