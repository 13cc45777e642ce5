/**
 * GPT-2's spelling of bytes as printable characters, in which byte-level vocabularies are written: printable Latin-1
 * stands for itself, the other 68 bytes for U+0100 upwards in order. [https://github.com/openai/gpt-2, encoder.py]
 */

function isPrintable(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

const byteOfCharacter = new Map<string, number>();
let next = 0x100;
for (let byte = 0; byte < 256; byte++) {
  byteOfCharacter.set(String.fromCharCode(isPrintable(byte) ? byte : next++), byte);
}

/** The 256 characters that stand for the bytes. */
export const byteCharacters: readonly string[] = [...byteOfCharacter.keys()];

/** The bytes a vocabulary entry stands for; an entry with any other character stands for its own UTF-8. */
export function tokenBytes(token: string): Uint8Array {
  const bytes = Array.from(token, (character) => byteOfCharacter.get(character));
  return bytes.includes(undefined) ? new TextEncoder().encode(token) : Uint8Array.from(bytes as number[]);
}
