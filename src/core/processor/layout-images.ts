/**
 * Where images stand among the ids of a prompt: each placeholder id becomes the image's layout. It takes no pixels, so that the
 * length of a prompt is known, to the token, by what the headers of its images say.
 */
import { OcellusError } from "../base/index.js";
import type { ImageGrid } from "../image/spec/index.js";
import type { ImageLayout, TokenSpan } from "../models/index.js";

export interface Placed {
  /** Index of its first token in `ids`, and how many it takes, text among them included. */
  readonly start: number;
  readonly numTokens: number;
  /** Where in `ids` the rows of the vision graph stand, in their order. */
  readonly spans: readonly TokenSpan[];
}

interface Layouts {
  readonly imageTokenId: number;
  readonly layout: (grid: ImageGrid, placeholder: number, index: number) => ImageLayout;
  readonly video?: { readonly tokenId: number } | undefined;
}

/** What cannot be read has no grid, and takes no place. */
interface Shown {
  readonly grid: ImageGrid | undefined;
}

export function expandPlaceholders<T extends Shown>(
  ids: readonly number[],
  pictures: readonly T[],
  pairs: readonly T[],
  { imageTokenId, layout, video }: Layouts,
): { ids: Int32Array; images: (T & Placed)[] } {
  const expanded: number[] = [];
  const images: (T & Placed)[] = [];
  const waiting = new Map([[imageTokenId, pictures.values()]]);
  if (video) waiting.set(video.tokenId, pairs.values());
  for (const id of ids) {
    const image = waiting.get(id)?.next().value;
    if (!image) {
      expanded.push(id);
      continue;
    }
    if (!image.grid) continue;
    const { ids: all, spans, sharesMarks } = layout(image.grid, id, images.length);
    const before = images.at(-1);
    const shared = sharesMarks && before && before.start + before.numTokens === expanded.length ? 1 : 0;
    const [start, own] = [expanded.length, all.slice(shared)];
    const placed = spans.map((span) => ({ ...span, start: start + span.start - shared }));
    images.push({ ...image, start, numTokens: own.length, spans: placed });
    for (const each of own) expanded.push(each);
  }
  return { ids: Int32Array.from(expanded), images };
}

type Grids = readonly (ImageGrid | undefined)[];

/** Before any pixel is made. @throws `too_large`. */
export function checkContextLength(
  ids: readonly number[],
  [pictures, pairs]: readonly [pictures: Grids, pairs: Grids],
  layouts: Layouts,
  { maxTokens = Number.POSITIVE_INFINITY }: { readonly maxTokens?: number },
): void {
  const shown = (grids: Grids): Shown[] => grids.map((grid) => ({ grid }));
  const laidOut = expandPlaceholders(ids, shown(pictures), shown(pairs), layouts);
  const [promptTokens, imageTokens] = [laidOut.ids.length, laidOut.images.reduce((sum, it) => sum + it.numTokens, 0)];
  if (promptTokens <= maxTokens) return;
  throw new OcellusError(
    "too_large",
    `the prompt has ${promptTokens} tokens, ${imageTokens} of them for images, the context holds ${maxTokens}; ` +
      "send fewer or smaller images, a smaller maxPixels, or fewer turns",
    { details: { promptTokens, imageTokens, maxLength: maxTokens } },
  );
}

/** Of images whose text is not known, in the fewest tokens that they take: side by side. @throws `too_large`. */
export function checkImageTokens(grids: Grids, layouts: Layouts, options: { readonly maxTokens?: number }): void {
  checkContextLength(Array(grids.length).fill(layouts.imageTokenId), [grids, []], layouts, options);
}
