/** What differs between two versions in one sentence; the server says it in English, and what it is made of. */
import type { Said } from "../../../src/inspect/page/page-data.js";
import type { WireDiff } from "../../../src/protocol/index.js";
import { usePreferences } from "../preferences.js";
import { chineseOf } from "../reports/sentences-zh.js";

export function DiffSummary({ diff: { summary, clauses } }: { diff: WireDiff }) {
  const { language } = usePreferences();
  const chinese = language === "zh" && clauses.map((clause) => chineseOf(clause as Said));
  if (!chinese || chinese.includes(undefined))
    return (
      <p className="verdict" lang="en">
        {summary}
      </p>
    );
  return <p className="verdict">{`${chinese.join("；")}。`}</p>;
}
