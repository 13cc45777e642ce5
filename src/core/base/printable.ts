/** Text from outside on its way into a message: names in a file may be megabytes long and full of terminal commands. */

/**
 * Control characters, line ends, lone surrogates and the invisible marks that turn text around, as escapes, so that the
 * text stays one line and a terminal shows it and does nothing else.
 */
export function printable(text: string): string {
  return text.replace(invisible, escaped);
}

const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

function escaped(character: string): string {
  return character === "\n" ? "\\n" : `\\u{${character.codePointAt(0)!.toString(16)}}`;
}

/** A model's words, of several lines: what commands a terminal is escaped, what scripts need (joiners, directions) stays. */
export function printableWords(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]|\p{Cs}/gu, escaped);
}

/** Text of ours for a terminal, with its lines and colours; whatever else in it commands a terminal came from outside. */
export function printableScreen(text: string): string {
  return text.replace(screenControls, (found) => (found.startsWith("\u001b[") ? found : printable(found)));
}

/** As colours are written (Select Graphic Rendition) [ECMA-48, 8.3.117]; and everything invisible but line ends and tabs. */
const screenControls = /[^\P{Cc}\n\t]\[[\d;]*m|[^\P{Cc}\n\t]|[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** JSON, in which a terminal would obey what stands raw in its strings: C1 commands, marks that turn text around. */
export function printableJson(json: string): string {
  return json.replace(/[^\P{Cc}\n]|[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) =>
    character
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}

/** The first `limit` characters, printable; 80 hold every tensor name of a published model and leave a message short. */
export function shorten(text: string, limit = 80): string {
  const shown = printable(text.slice(0, limit));
  return text.length <= limit && shown.length <= limit ? shown : `${shown.slice(0, limit)}…`;
}
