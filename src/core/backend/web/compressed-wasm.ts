/**
 * ONNX Runtime's WebAssembly where its host stores it compressed: a quarter of its 14 MB, on the host and in what a page keeps for
 * offline use, whatever headers the host can set. Browsers unpack gzip by themselves (RFC 1952; the Compression standard).
 */
import { OcellusError } from "../../base/index.js";

/** A host that knows gzip by the file's name may have it unpacked on the way, so the first bytes decide. @throws `unavailable` */
export async function readCompressedWasm(url: string): Promise<ArrayBuffer> {
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`status ${response.status}`);
    const bytes = await response.arrayBuffer();
    return isGzip(new Uint8Array(bytes)) ? await unpacked(bytes) : bytes;
  } catch (cause) {
    throw new OcellusError(
      "unavailable",
      `${url}: expected onnxruntime-web's WebAssembly, compressed by gzip: ${(cause as Error).message}`,
      { details: { url }, cause },
    );
  }
}

function isGzip([first, second]: Uint8Array): boolean {
  return first === 0x1f && second === 0x8b;
}

function unpacked(bytes: ArrayBuffer): Promise<ArrayBuffer> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}
