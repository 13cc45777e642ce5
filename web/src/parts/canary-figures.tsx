import type { WireAlias } from "../../../src/protocol/index.js";
import { useVersionsWords } from "../words-versions.js";

type Verdict = NonNullable<NonNullable<WireAlias["canary"]>["verdict"]>;

interface CanaryFiguresProps {
  readonly stable: string;
  readonly canary: string;
  readonly verdict: Verdict;
}

/** What the analysis has counted at the present share: the part of bad answers of both versions, measure by measure. Users count, each once. */
export function CanaryFigures({ stable, canary, verdict: { reason, figures } }: CanaryFiguresProps) {
  const words = useVersionsWords();
  return (
    <>
      <table className="rates">
        <thead>
          <tr>
            <th scope="col">{words.metric}</th>
            <th scope="col">{stable}</th>
            <th scope="col">{canary}</th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(figures).map(([metric, found]) => (
            <tr key={metric}>
              <th scope="row">{words.metrics[metric] ?? metric}</th>
              <td>
                <Rate bad={found.stable} count={found.num_stable} users={found.users_stable} />
              </td>
              <td>
                <Rate bad={found.canary} count={found.num_canary} users={found.users_canary} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="aside">
        {words.verdict} <span lang="en">{reason}</span>
      </p>
    </>
  );
}

function Rate({ bad, count, users }: { bad: number; count: number; users: number | undefined }) {
  const words = useVersionsWords();
  return (
    <>
      <span>{users === undefined ? words.of(bad, count) : words.ofUsers(bad, users, count)}</span>
      <i className="bar" style={{ "--share": bad }} />
    </>
  );
}
