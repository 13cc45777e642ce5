/** Files of a folder: chosen, or dropped with its subfolders. */

export interface FoundFile {
  /** Path in the folder. */
  readonly name: string;
  readonly file: File;
}

/** More rows than a person looks through; the rest is counted, not read. */
export const maxRows = 5000;
/** A folder in folders without end is a link to itself. */
const maxDepth = 16;

export function chosenFiles(files: Iterable<File>): FoundFile[] {
  return [...files].map((file) => ({ name: file.webkitRelativePath || file.name, file }));
}

/** The browser takes the list away when the event is over: it is copied before the first wait. */
export async function droppedFiles({ items, files }: DataTransfer): Promise<FoundFile[]> {
  const entries = [...items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  if (entries.length === 0) return chosenFiles(files);
  const found: FoundFile[] = [];
  for (const entry of entries) await readEntry(entry, found, 0);
  return found;
}

async function readEntry(entry: FileSystemEntry, found: FoundFile[], depth: number): Promise<void> {
  if (found.length > maxRows || depth > maxDepth) return;
  if (entry.isFile) {
    const file = await new Promise<File | undefined>((done) =>
      (entry as FileSystemFileEntry).file(done, () => done(undefined)),
    );
    if (file) found.push({ name: entry.fullPath.replace(/^\//, ""), file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    const batch = await new Promise<FileSystemEntry[]>((done) => reader.readEntries(done, () => done([])));
    if (batch.length === 0) return; // a reader gives its entries by the hundred
    for (const each of batch) await readEntry(each, found, depth + 1);
  }
}

/** Pictures by the type that the browser knows for the file's name; hidden files of systems are none. */
export function arePictures(found: readonly FoundFile[]): FoundFile[] {
  return found
    .filter(({ name, file }) => file.type.startsWith("image/") && !/(^|\/)\./.test(name))
    .sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
}
