/** A PDF that came with a request: as a data URL, and at the client's fault where it cannot be read. */
import { OcellusError } from "../core/base/index.js";
import { isPdf } from "../core/pdf/index.js";
import { refusal } from "../protocol/index.js";

/** @param name of the document, for the message. @throws `invalid_request`. */
export function pdfOf(url: string, param: string, name = param): Uint8Array {
  const payload = /^data:application\/pdf;base64,([A-Za-z0-9+/]+={0,2})$/i.exec(url)?.[1];
  const bytes = payload === undefined ? undefined : Buffer.from(payload, "base64");
  if (bytes && isPdf(bytes)) return bytes;
  throw refusal(param, `${name}: expected a PDF as data:application/pdf;base64,…`);
}

/** For what is wrong with a file that a request brought. */
export function toRequestError(param: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof OcellusError) || error.code !== "invalid_file") throw error;
    throw new OcellusError("invalid_request", error.message, { cause: error, details: { ...error.details, param } });
  };
}
