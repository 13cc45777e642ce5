/** `ocellus ask --boxes`, `--draw`, `--cite-fields`: where an answer says that things are. */
import { writeFile } from "node:fs/promises";
import { ioError, printable } from "../../../core/base/index.js";
import { drawPlaces } from "../../../core/image/node/index.js";
import type { ChatOptions, FoundPlace, ImageInput } from "../../../core/runtime/index.js";
import { printLine, type Terminal } from "../../ui/terminal.js";
import { textTable } from "../../ui/text-layout.js";
import type { Answer } from "./answer.js";

interface PlacesFlags {
  readonly boxes?: boolean;
  readonly draw?: string;
  readonly citeFields?: boolean;
}

export function placesOptions({ boxes, draw, citeFields }: PlacesFlags): ChatOptions {
  return { ...((boxes || draw !== undefined) && { boxes: true }), ...(citeFields && { citeFields: true }) };
}

/** @throws `io` */
export async function drawAnswer(path: string, image: ImageInput, answer: Answer, terminal: Terminal): Promise<void> {
  const places = (answer.boxes ?? []).map((place) => ({ ...place, label: nameOf(place) }));
  const png = await drawPlaces(image, places, { signal: terminal.signal });
  await writeFile(path, png).catch((cause: unknown) => Promise.reject(ioError("write the image", path, cause)));
}

/** `car  312 140 640 388`, one a line. */
export function printPlaces(terminal: Terminal, { boxes = [] }: Answer): void {
  if (boxes.length === 0) return;
  const rows = boxes.map((place) => [
    printable(nameOf(place)),
    (place.box ?? place.point ?? []).map((side) => side.toFixed(0)).join(" "),
  ]);
  printLine(terminal, textTable(rows));
}

function nameOf({ label, field }: FoundPlace): string {
  return label ?? field ?? "";
}
