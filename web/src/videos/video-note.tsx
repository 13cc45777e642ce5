/** In the composer: why a video is not taken, or within which limits it is. */
import { usePreferences } from "../preferences.js";
import { bytesText } from "../quantities.js";
import { timeText, type VideoRefusal } from "./limits.js";
import type { VideoDraft } from "./use-videos.js";

const en = {
  unread: "This model reads no videos. Choose one that was trained on them, or send some frames as pictures.",
  missing: (programs: string) => `The server cannot read videos: it lacks ${programs}. Who runs it can install that.`,
  many: (most: number) => `At most ${most === 1 ? "one video goes" : `${most} videos go`} with one question.`,
  large: (name: string, most: string) => `${name} is larger than the ${most} that one question can carry.`,
  long: (name: string, most: string) => `${name} is longer than ${most}, which is the most that the server reads.`,
  limits: (count: number, bytes: string, time: string) =>
    `Videos go as files: at most ${count} in a question, ${bytes} and ${time} each. The model is shown frames that it chooses itself, without sound.`,
};

const zh: typeof en = {
  unread: "这个模型不读视频。请选择受过视频训练的模型，或把几帧作为图片发送。",
  missing: (programs) => `服务器无法读取视频：缺少 ${programs}。可由运行它的人安装。`,
  many: (most) => `一个问题最多带 ${most} 段视频。`,
  large: (name, most) => `${name} 超过了一个问题可携带的 ${most}。`,
  long: (name, most) => `${name} 超过了服务器可读取的最长时间 ${most}。`,
  limits: (count, bytes, time) =>
    `视频以文件发送：每个问题最多 ${count} 段，每段不超过 ${bytes}、${time}。模型看到的是它自己选取的帧，没有声音。`,
};

export function VideoNote({ draft: { limits, refusal, long, hasVideos } }: { draft: VideoDraft }) {
  const own = usePreferences().language === "zh" ? zh : en;
  const longest = timeText(limits?.max_seconds ?? 0);
  const wrongs = [...(refusal ? [refusalText(refusal, own)] : []), ...long.map((name) => own.long(name, longest))];
  return (
    <>
      {wrongs.map((text) => (
        <p key={text} className="wrong" role="alert">
          {text}
        </p>
      ))}
      {hasVideos && limits && <p className="aside">{own.limits(limits.max, bytesText(limits.max_bytes), longest)}</p>}
    </>
  );
}

function refusalText(refusal: VideoRefusal, own: typeof en): string {
  if (refusal.kind === "unread") return own.unread;
  if (refusal.kind === "missing") return own.missing(refusal.programs.join(", "));
  if (refusal.kind === "many") return own.many(refusal.most);
  return own.large(refusal.name, bytesText(refusal.most));
}
