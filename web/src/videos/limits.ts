/** Whether videos can go with a question, before any is sent: what the model reads and the server takes (docs/videos.md). */
import type { WireModel } from "../../../src/protocol/index.js";

export type VideoLimits = NonNullable<WireModel["ocellus"]["videos"]>;

export type VideoRefusal =
  | { readonly kind: "unread" }
  | { readonly kind: "missing"; readonly programs: readonly string[] }
  | { readonly kind: "many"; readonly most: number }
  | { readonly kind: "large"; readonly name: string; readonly most: number };

const endings = /\.(mp4|m4v|mov|mkv|webm|avi|mpe?g|ts|flv|ogv)$/i;

/** Browsers know few types by their endings. */
export function isVideo({ type, name }: Pick<File, "type" | "name">): boolean {
  return type.startsWith("video/") || (!type.startsWith("image/") && endings.test(name));
}

/** @param numBefore videos that the question has already. */
export function videoRefusal(
  files: readonly Pick<File, "name" | "size">[],
  limits: VideoLimits | undefined,
  numBefore: number,
): VideoRefusal | undefined {
  if (!limits) return { kind: "unread" };
  const { missing = [], max, max_bytes: most } = limits;
  if (missing.length > 0) return { kind: "missing", programs: missing };
  if (numBefore + files.length > max) return { kind: "many", most: max };
  const large = files.find(({ size }) => size > most);
  return large && { kind: "large", name: large.name, most };
}

/** 0:42, 1:02:05 */
export function timeText(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const rest = String(whole % 60).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}
