/** A line of the last readings; decoration beside the figure it belongs to. */
interface SparklineProps {
  readonly values: readonly number[];
  /** The top of the scale is no lower, so that a quiet server draws a quiet line. */
  readonly atLeast: number;
}

const [width, height, numPlaces] = [200, 36, 120];

export function Sparkline({ values, atLeast }: SparklineProps) {
  const top = Math.max(atLeast, ...values);
  const start = numPlaces - values.length; // the newest is always at the right
  const points = values.map(
    (value, i) =>
      `${(((start + i) * width) / (numPlaces - 1)).toFixed(1)},${(height - 2 - (value / top) * (height - 4)).toFixed(1)}`,
  );
  return (
    <svg className="sparkline" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
      <line x1="0" y1={height - 1} x2={width} y2={height - 1} />
      <polyline points={points.join(" ")} />
    </svg>
  );
}
