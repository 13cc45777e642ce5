/** The parts of a browser that images need; the compiler knows Node's globals only. */

export interface Bitmap {
  readonly width: number;
  readonly height: number;
  close(): void;
}

export interface Context {
  fillStyle: string;
  fillRect(x: number, y: number, width: number, height: number): void;
  drawImage(bitmap: Bitmap, x: number, y: number): void;
  getImageData(x: number, y: number, width: number, height: number): { readonly data: Uint8ClampedArray };
}

interface Browser {
  createImageBitmap(
    blob: Blob,
    options: {
      readonly imageOrientation: "from-image" | "none";
      readonly premultiplyAlpha: "default" | "none";
      readonly colorSpaceConversion: "default" | "none";
    },
  ): Promise<Bitmap>;
  readonly OffscreenCanvas: new (
    width: number,
    height: number,
  ) => {
    getContext(kind: "2d", options: { readonly willReadFrequently: boolean; readonly alpha: boolean }): Context | null;
  };
  readonly location: { readonly href: string };
}

export const browser = globalThis as unknown as Browser;
