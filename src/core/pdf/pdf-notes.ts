/**
 * What was filled into the form fields of a PDF page and noted on it, as lines of text: PDFium's text of a page has neither.
 * Which numbers mean what is in ISO 32000-2, 12.5 and 12.7.
 */
import {
  type Pdfium,
  type PdfiumDocument,
  type PdfiumPage,
  type Pointer,
  readUtf16,
  withinPage,
  withMemory,
} from "./pdf-module.js";
import { maxCharacters } from "./pdf-text.js";

/** A tax form has some hundred fields a page; a file with more was made to take long. */
const maxAnnotations = 5000;
/** Of one field or note; all of a page have as many characters as its text may have. */
const maxBytes = 2 * 100_000;

const subtypes = { popup: 16, widget: 20 };
/** Not shown to a reader: hidden, or never on a screen. */
const unseen = 0b10_0010;
const fields = { checkbox: 2, radio: 3, combo: 4, list: 5, text: 6 };
const isPassword = 1 << 13;

export interface PdfNotes {
  readonly notes: readonly string[];
  /** There are more than are read of one page. */
  readonly areNotesCut: boolean;
}

/** `label: value` of each field that is filled in, and the words of each note; what a reader does not see is left out. */
export function notesOf(document: PdfiumDocument, page: PdfiumPage): PdfNotes {
  const { module, pageIdx } = withinPage(page);
  const form = document.initializeFormFields();
  const count = module._FPDFPage_GetAnnotCount(pageIdx);
  const notes = new Set<string>(); // one field may be in several places
  let numCharacters = 0;
  for (let i = 0; i < Math.min(maxAnnotations, count); i++) {
    const annotation = module._FPDFPage_GetAnnot(pageIdx, i);
    if (annotation === 0) continue;
    const note = noteOf(module, form, annotation).trim();
    module._FPDFPage_CloseAnnot(annotation);
    if (note === "" || notes.has(note)) continue;
    numCharacters += note.length;
    if (numCharacters > maxCharacters) return { notes: [...notes], areNotesCut: true };
    notes.add(note);
  }
  return { notes: [...notes], areNotesCut: count > maxAnnotations };
}

function noteOf(module: Pdfium, form: Pointer, annotation: Pointer): string {
  const subtype = module._FPDFAnnot_GetSubtype(annotation);
  if (subtype === subtypes.popup || module._FPDFAnnot_GetFlags(annotation) & unseen) return "";
  return subtype === subtypes.widget ? fieldText(module, form, annotation) : entryOf(module, annotation, "Contents");
}

function fieldText(module: Pdfium, form: Pointer, annotation: Pointer): string {
  const read = (name: "Name" | "AlternateName" | "Value") =>
    readUtf16(module, maxBytes, (buffer, size) =>
      module[`_FPDFAnnot_GetFormField${name}`](form, annotation, buffer, size),
    ).trim();
  const type = module._FPDFAnnot_GetFormFieldType(form, annotation);
  const isSecret = type === fields.text && (module._FPDFAnnot_GetFormFieldFlags(form, annotation) & isPassword) !== 0;
  let value = "";
  if (type === fields.checkbox || type === fields.radio) value = stateOf(module, annotation);
  else if (type >= fields.combo && type <= fields.text && !isSecret) value = read("Value");
  return value === "" ? "" : `${read("AlternateName") || read("Name")}: ${value}`;
}

/** Of a box or a button its appearance: the name of what is drawn, which is its value when it is on. */
function stateOf(module: Pdfium, annotation: Pointer): string {
  const state = entryOf(module, annotation, "AS");
  return state === "Off" ? "" : state;
}

function entryOf(module: Pdfium, annotation: Pointer, key: string): string {
  const name = Buffer.from(`${key}\0`, "latin1");
  return withMemory(module, name.length, (at) => {
    module.HEAPU8.set(name, at);
    return readUtf16(module, maxBytes, (buffer, size) =>
      module._FPDFAnnot_GetStringValue(annotation, at, buffer, size),
    );
  });
}
