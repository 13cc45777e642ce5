/**
 * Lines of text where they stand on the picture. What is pointed at is found by its place: the lines take no pointer, or no part could
 * be marked over them.
 */
import { useEffect, useRef } from "react";
import { type TextLine, useSight, useSightState } from "../sight.js";
import { placed } from "./placed.js";

export function TextLayer({ pictureId }: { pictureId: string }) {
  const lines = useSightState(({ lines }) => (lines?.pictureId === pictureId ? lines.lines : undefined));
  const lit = useSightState(({ litId }) => lines?.find(({ id }) => id === litId));
  if (!lines) return null;
  return (
    <>
      <Outlines lines={lines} lit={lit} />
      {lit && (
        <span className="text-lit" style={placed(lit.box)} aria-hidden="true">
          <span>{lit.text}</span>
        </span>
      )}
    </>
  );
}

function Outlines({ lines, lit }: { lines: readonly TextLine[]; lit: TextLine | undefined }) {
  const sight = useSight();
  const drawing = useRef<SVGSVGElement>(null);
  useEffect(() => {
    const sheet = drawing.current!.parentElement!;
    const point = ({ clientX, clientY }: PointerEvent) => {
      const { left, top, width, height } = sheet.getBoundingClientRect();
      const found = lineAt(lines, (clientX - left) / width, (clientY - top) / height);
      const litId = sight?.state().litId;
      const isOurs = found !== undefined || lines.some(({ id }) => id === litId);
      if (isOurs && found?.id !== litId) sight?.change({ litId: found?.id });
    };
    sheet.addEventListener("pointermove", point);
    sheet.addEventListener("pointerleave", point);
    return () => {
      sheet.removeEventListener("pointermove", point);
      sheet.removeEventListener("pointerleave", point);
    };
  }, [lines, sight]);
  return (
    <svg ref={drawing} className="text-outlines" viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
      {lines.map(({ id, corners }) => (
        <polygon key={id} data-lit={id === lit?.id} points={corners.map((corner) => corner.join(",")).join(" ")} />
      ))}
    </svg>
  );
}

/** The smallest box around the point. */
function lineAt(lines: readonly TextLine[], x: number, y: number): TextLine | undefined {
  let found: TextLine | undefined;
  for (const line of lines) {
    const [left, top, right, bottom] = line.box;
    if (x < left || x > right || y < top || y > bottom) continue;
    if (!found || areaOf(line) < areaOf(found)) found = line;
  }
  return found;
}

function areaOf({ box: [left, top, right, bottom] }: TextLine): number {
  return (right - left) * (bottom - top);
}
