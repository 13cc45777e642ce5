/** What is known of a page: its lines as they were found, then its blocks in reading order. No file, no model. */
import type { Box } from "../core/image/spec/index.js";
import type { ChatNote } from "../core/runtime/index.js";

/** A piece of text on one baseline, whatever found it: the file's text or a reader of images. */
export interface PageLine {
  readonly text: string;
  readonly box: Box;
  /** Height of the type, where the file tells it; else that of the box stands for it. */
  readonly size?: number;
  readonly isBold?: boolean;
  readonly isMono?: boolean;
  /** Not from left to right: it is read after everything else. */
  readonly isTurned?: boolean;
  /** How sure a reader of images is, 0 to 1. */
  readonly score?: number;
}

interface Placed {
  /** In the unit of the page's width and height. */
  readonly box: Box;
  /** The lowest of its lines, where these were read in an image. */
  readonly score?: number;
}

interface Told extends Placed {
  readonly text: string;
}

export type Block =
  | (Told & { readonly kind: "heading" /** 1 to 4. */; readonly level: number })
  | (Told & { readonly kind: "paragraph" })
  /** Lines of one width of letters, each as it was indented. */
  | (Told & { readonly kind: "code" })
  /** `marker`: a bullet is `-`, a number is as it was written. */
  | (Told & { readonly kind: "item"; readonly marker: string })
  | (Placed & { readonly kind: "table"; readonly rows: readonly (readonly string[])[] })
  /** What was filled into a form, or noted on the page. */
  | (Told & { readonly kind: "note" })
  /** A running head or a page number: not in Markdown or plain text. */
  | (Told & { readonly kind: "margin" })
  /** Markdown as a model wrote it. */
  | (Told & { readonly kind: "markdown" });

/** Where the text of a page comes from. `none`: there is none, and nothing that could have been read was. */
export type PageSource = "text" | "ocr" | "model" | "none";

export interface DocumentPage {
  /** From one. */
  readonly page: number;
  /** Points for a page of a PDF, pixels for an image. */
  readonly width: number;
  readonly height: number;
  readonly source: PageSource;
  readonly blocks: readonly Block[];
  /** Shows something that nothing has read: a reader of images would. */
  readonly isUnread?: true;
  /** The text of the page, or the model's answer, reached a limit before its end. */
  readonly isCut?: true;
  /** What the model was not trained for. */
  readonly notes?: readonly ChatNote[];
}

/** All words of a block, a line for each piece that stands alone. */
export function wordsOf(block: Block): string {
  return block.kind === "table" ? block.rows.map((row) => row.join("\t")).join("\n") : block.text;
}
