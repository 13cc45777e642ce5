/**
 * Bounds of a multipart/form-data body, looked at before it is parsed [RFC 7578]: Node's parser takes seconds, in one go, for
 * a body of many small parts or with a long header. What is within them goes on to that parser, under the same boundary.
 */
import { OcellusError } from "../core/base/index.js";

/** A form of ours has five fields. */
const maxParts = 32;
/** Of one part: a name, a file's name and a type. */
const maxHeaderBytes = 4096;

/** The form, or undefined where it is none. @throws `too_large`. */
export async function parseMultipart(body: Uint8Array<ArrayBuffer>, type: string): Promise<FormData | undefined> {
  const boundary = /;\s*boundary=(?:"([^"]{1,70})"|([^;\s"]{1,70}))/i.exec(type)?.slice(1).join("");
  if (!boundary) return undefined;
  checkParts(Buffer.from(body.buffer, body.byteOffset, body.length), `--${boundary}`);
  const headers = { "content-type": `multipart/form-data; boundary="${boundary}"` };
  return new Response(body, { headers }).formData().catch(() => undefined);
}

function checkParts(body: Buffer, delimiter: string): void {
  let numParts = 0;
  for (let at = body.indexOf(delimiter); at >= 0; at = body.indexOf(delimiter, at + delimiter.length)) {
    if (++numParts > maxParts + 1) throw tooLarge("parts", maxParts); // one delimiter more than parts
    const header = body.subarray(at, at + delimiter.length + maxHeaderBytes);
    const isLast = header.toString("latin1", delimiter.length, delimiter.length + 2) === "--";
    if (!isLast && header.length === delimiter.length + maxHeaderBytes && !header.includes("\r\n\r\n"))
      throw tooLarge("bytes in the header of a part", maxHeaderBytes);
  }
}

function tooLarge(what: string, limit: number): OcellusError {
  return new OcellusError("too_large", `the form: it has more than ${limit} ${what}`, { details: { limit } });
}
