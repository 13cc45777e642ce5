/** PDF files for tests, written by hand: a line of text a page, or a JPEG that fills it, and annotations as PDF objects. */
import sharp from "sharp";

/** A page of a text, or of a picture with an optional text that is not drawn, as scanners write it. */
export type TestPage = string | { readonly jpeg: Uint8Array; readonly text?: string };

export interface TestNotes {
  /** Dictionaries without their brackets, all on the first page. */
  readonly annotations?: readonly string[];
  /** Asks for a password, which nothing opens. */
  readonly isLocked?: boolean;
}

export async function makePdf(
  pages: readonly TestPage[],
  size: readonly [number, number] = [612, 792],
  { annotations = [], isLocked = false }: TestNotes = {},
): Promise<Buffer> {
  const numbers = pages.map((_, i) => 4 + 3 * i);
  const notes = annotations.map((_, i) => `${4 + 3 * pages.length + i} 0 R`).join(" ");
  const form = `/AcroForm << /Fields [${notes}] /DA (/F1 12 Tf 0 g) /DR << /Font << /F1 3 0 R >> >> >>`;
  const objects: Buffer[] = [
    Buffer.from(`<< /Type /Catalog /Pages 2 0 R ${notes && form} >>`),
    Buffer.from(`<< /Type /Pages /Kids [${numbers.map((n) => `${n} 0 R`).join(" ")}] /Count ${pages.length} >>`),
    Buffer.from("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"),
  ];
  for (const [i, page] of pages.entries())
    objects.push(...(await pageObjects(page, numbers[i]!, size, i === 0 && notes ? `/Annots [${notes}]` : "")));
  for (const annotation of annotations) objects.push(Buffer.from(`<< /Type /Annot ${annotation} >>`));
  return join(objects, isLocked ? lock : "");
}

async function pageObjects(
  page: TestPage,
  number: number,
  [width, height]: readonly [number, number],
  annotations: string,
) {
  const text = typeof page === "string" ? page : (page.text ?? "");
  const hidden = typeof page === "string" ? "" : "3 Tr ";
  const words = `BT ${hidden}/F1 24 Tf 40 ${height - 80} Td (${text.replace(/[()\\]/g, "\\$&")}) Tj ET`;
  const drawn = typeof page === "string" ? words : `q ${width} 0 0 ${height} 0 0 cm /P Do Q ${words}`;
  const resources = `/Font << /F1 3 0 R >> /XObject << /P ${number + 2} 0 R >>`;
  const head = `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${width} ${height}] /Contents ${number + 1} 0 R /Resources << ${resources} >> ${annotations} >>`;
  return [Buffer.from(head), stream("", Buffer.from(drawn)), await imageObject(page)];
}

async function imageObject(page: TestPage): Promise<Buffer> {
  if (typeof page === "string") return Buffer.from("null");
  const { width, height } = await sharp(page.jpeg).metadata();
  const kind = "/Type /XObject /Subtype /Image /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode";
  return stream(`${kind} /Width ${width} /Height ${height}`, page.jpeg);
}

function stream(entries: string, bytes: Uint8Array): Buffer {
  return Buffer.concat([
    Buffer.from(`<< ${entries} /Length ${bytes.length} >>\nstream\n`),
    bytes,
    Buffer.from("\nendstream"),
  ]);
}

const lock = `/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <${"00".repeat(32)}> /U <${"11".repeat(32)}> >> /ID [<00> <00>]`;

function join(objects: readonly Buffer[], trailer: string): Buffer {
  const parts = [Buffer.from("%PDF-1.4\n")];
  const places: number[] = [];
  let at = parts[0]!.length;
  for (const [i, object] of objects.entries()) {
    places.push(at);
    const part = Buffer.concat([Buffer.from(`${i + 1} 0 obj\n`), object, Buffer.from("\nendobj\n")]);
    parts.push(part);
    at += part.length;
  }
  const rows = places.map((place) => `${String(place).padStart(10, "0")} 00000 n \n`).join("");
  const table = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${rows}`;
  const end = `trailer << /Size ${objects.length + 1} /Root 1 0 R ${trailer} >>\nstartxref\n${at}\n%%EOF\n`;
  return Buffer.concat([...parts, Buffer.from(table + end)]);
}
