/** A detector of texts that looks at what stands in images too: what it finds there has the place of its lines. */
import { createHash } from "node:crypto";
import { boxAround } from "../../core/image/spec/index.js";
import type { ImageText } from "../../core/ocr/index.js";
import type { ImageTexts } from "../image-texts.js";
import type { Detector, Finding, Region } from "../verdict.js";

/** Another one when the same image is read otherwise by our code or by other networks. */
const reading = "PP-OCRv4 2";

/** @throws as `ImageTexts.open`. */
export async function inImages(detector: Detector, texts: ImageTexts): Promise<Detector> {
  await texts.open();
  const version = createHash("sha256").update(`${detector.version} ${reading}`).digest("hex").slice(0, 12);
  return {
    ...detector,
    version,
    reads: ["text", "image"],
    remembers: ["image"],
    async look(subject, signal) {
      if (subject.kind === "text") return detector.look(subject, signal);
      const found = await texts.read(subject, signal);
      const findings = await detector.look({ kind: "text", text: found.text }, signal);
      return findings.map((finding) => placed(finding, found));
    },
  };
}

/** A span of the text is the box of the lines that it touches. */
function placed({ span, ...finding }: Finding, { lines }: ImageText): Finding {
  if (span === undefined) return finding;
  const touched = lines.filter(({ start, text }) => start < span.end && start + text.length > span.start);
  return touched.length === 0 ? finding : { ...finding, region: regionOf(touched) };
}

function regionOf(lines: ImageText["lines"]): Region {
  const [left, top, right, bottom] = boxAround(lines.flatMap(({ quad }) => quad));
  return { x: left, y: top, width: right - left, height: bottom - top };
}
