/** What was stopped and why, as a person reads it. The server keeps digests alone: what they stood for is looked for in this browser. */
import type { GuardState } from "../../../src/protocol/index.js";
import { chats } from "../chats.js";
import { percentText } from "../quantities.js";
import { hrefOf } from "../route.js";
import { FalsePositive } from "./false-positive.js";
import { originOf } from "./origin.js";
import { VeiledPicture } from "./veiled-picture.js";
import { useGuardWords } from "./words.js";

type Recent = GuardState["recent"][number];

const mostShown = 30;

export function StoppedList({ recent }: { recent: readonly Recent[] }) {
  const words = useGuardWords();
  const stopped = recent.filter(({ verdict, failed }) => verdict !== "allow" || failed !== undefined);
  return (
    <section className="panel" aria-labelledby="stopped">
      <h2 id="stopped">{words.stoppedTitle}</h2>
      <p className="aside">{stopped.length > 0 ? words.stoppedNote : words.stoppedNone}</p>
      <ul className="stopped">
        {stopped.slice(0, mostShown).map((each) => (
          <StoppedItem key={`${each.request} ${each.guard} ${each.stage} ${each.sha256}`} check={each} />
        ))}
      </ul>
    </section>
  );
}

function StoppedItem({ check }: { check: Recent }) {
  const words = useGuardWords();
  const { time, guard, subject, sha256, verdict, category, score, failed } = check;
  const percent = score === undefined ? undefined : percentText(Number(score.toFixed(2)));
  const told = { ...check, category, percent };
  const origin = originOf(chats.all(), check);
  return (
    <li data-verdict={verdict}>
      <p>
        <strong>{words.stopped(told)}</strong>{" "}
        {failed === undefined ? (
          words.why(told)
        ) : (
          <>
            {words.couldNotLook(guard)} <span lang="en">{failed}</span>
          </>
        )}
      </p>
      {origin && origin.text !== "" && <blockquote>{origin.text}</blockquote>}
      {subject === "image" && origin?.pictures.map((picture) => <VeiledPicture key={picture.id} picture={picture} />)}
      <p className="aside row">
        <time dateTime={time}>{new Date(time).toLocaleString(document.documentElement.lang)}</time>
        {origin ? <a href={hrefOf("chat", origin.id)}>{words.fromChat}</a> : <span>{words.notHere}</span>}
        {subject === "image" && verdict !== "allow" && (
          <FalsePositive guard={guard} sha256={sha256} {...(category !== undefined && { category })} />
        )}
      </p>
    </li>
  );
}
