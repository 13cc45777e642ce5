/**
 * What features are kept under: equal keys must mean equal features, so all that features follow from has to be in a key. Leave a
 * part out, and one image, one budget or one model answers for another.
 */
export interface EncoderCacheKeyParts {
  /** Of the weights, the graph and the device: equal versions give equal features. */
  readonly model: string;
  /** Of the rules that brought the picture to the graph's input. */
  readonly preprocessing: string;
  /** SHA-256 of the decoded, oriented RGB pixels and their size. */
  readonly pixels: string;
  /** Patches that the picture became: with a pixel budget a request, the rules alone do not say it. */
  readonly rows: number;
  readonly columns: number;
  /** Slices that it is cut into, if it is: other cuts have as many patches. */
  readonly slices?: { readonly rows: number; readonly columns: number };
  /** Its quarters, if they are seen, too: with a budget they may not be. */
  readonly quarters?: readonly unknown[];
  /** Pixels that it was scaled to, if the patches do not say it: a budget decides it, too. */
  readonly fitted?: { readonly width: number; readonly height: number };
}

export function encoderCacheKey({
  model,
  preprocessing,
  pixels,
  slices,
  quarters,
  fitted,
  ...grid
}: EncoderCacheKeyParts): string {
  const cut = slices ? `/${slices.rows}x${slices.columns}` : quarters ? "/quarters" : "";
  const of = fitted ? `/of ${fitted.height}x${fitted.width}` : "";
  return `${model}/${preprocessing}/${pixels}/${grid.rows}x${grid.columns}${cut}${of}`;
}
