/** Gives a file to the reader, as a download. */
export function save(blob: Blob, name: string): void {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), keptMs);
}

/** A browser may ask where to put it first. */
const keptMs = 60_000;
