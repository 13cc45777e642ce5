/**
 * A page behind guardrails, which check and may cut texts. All words of the page are checked together first, so that what stands in two
 * blocks is found; where something was cut, each text is cut by itself, and what can only be cut together becomes one paragraph.
 */
import { type Block, type DocumentPage, wordsOf } from "./page.js";

/** Gives a text as it may be passed on. @throws `blocked`. */
export type AdmitText = (text: string) => Promise<string>;

/** @throws as `admit`. */
export async function admittedPage(page: DocumentPage, admit: AdmitText): Promise<DocumentPage> {
  const { blocks, width, height } = page;
  if (blocks.length === 0 || (await isAdmitted(blocks, admit))) return page;
  const cut: Block[] = [];
  for (const block of blocks) cut.push(await admittedBlock(block, admit));
  if (await isAdmitted(cut, admit)) return { ...page, blocks: cut };
  const text = await admit(allWords(blocks));
  return { ...page, blocks: [{ kind: "paragraph", text, box: [0, 0, width, height] }] };
}

async function isAdmitted(blocks: readonly Block[], admit: AdmitText): Promise<boolean> {
  const words = allWords(blocks);
  return (await admit(words)) === words;
}

function allWords(blocks: readonly Block[]): string {
  return blocks.map((block) => (block.kind === "item" ? `${block.marker} ${block.text}` : wordsOf(block))).join("\n");
}

async function admittedBlock(block: Block, admit: AdmitText): Promise<Block> {
  if (block.kind !== "table") return { ...block, text: await admit(block.text) };
  const rows: string[][] = [];
  for (const row of block.rows) {
    const cells: string[] = [];
    for (const cell of row) cells.push(cell === "" ? "" : await admit(cell));
    rows.push(cells);
  }
  return { ...block, rows };
}
