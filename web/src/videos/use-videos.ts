/** Videos of a question that is put together: taken within what the chosen model and its server take, else refused with a word. */
import { useState } from "react";
import { useChatModel } from "../server-state.js";
import type { PictureDraft } from "../use-pictures.js";
import { isVideo, type VideoLimits, type VideoRefusal, videoRefusal } from "./limits.js";

export interface VideoDraft {
  /** Of the chosen model; absent: it reads no videos. */
  readonly limits: VideoLimits | undefined;
  readonly refusal: VideoRefusal | undefined;
  /** Names of those that are longer than the server takes. */
  readonly long: readonly string[];
  readonly hasVideos: boolean;
  /** Whether there is something to be said of videos. */
  readonly isTold: boolean;
  /** Names of other files that could not be read. */
  readonly refusedOthers: readonly string[];
  add(files: readonly File[]): void;
}

export function useVideos(draft: PictureDraft): VideoDraft {
  const limits = useChatModel()?.ocellus.videos;
  const [refusal, setRefusal] = useState<VideoRefusal>();
  const add = (files: readonly File[]) => {
    const numBefore = draft.pictures.filter(({ video }) => video).length;
    const found = files.length > 0 ? videoRefusal(files, limits, numBefore) : undefined;
    setRefusal(found);
    if (found || !limits || files.length === 0) return;
    draft.add(files, async (file) => (await import("./read-video.js")).readVideo(file, limits.max_seconds));
  };
  const isLong = (name: string) => isVideo({ name, type: "" });
  const long = draft.refused.filter(isLong);
  const hasVideos = draft.pictures.some(({ video }) => video);
  const isTold = refusal !== undefined || long.length > 0 || hasVideos;
  const refusedOthers = draft.refused.filter((name) => !isLong(name));
  return { limits, refusal, long, hasVideos, isTold, refusedOthers, add };
}
