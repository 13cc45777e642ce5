/** The smallest rectangle around an area, at any angle: one of its sides lies on a side of the convex hull. [Freeman, Shapira 1975] */
import type { Point } from "../image/spec/index.js";
import type { Area } from "./areas.js";

/** Corners, clockwise. */
export type Quad = readonly [Point, Point, Point, Point];

/** Points p with p · axis and p · normal between bounds; the normal is the axis turned by a quarter. */
export interface Rectangle {
  readonly axis: Point;
  /** Along the axis, from and to. */
  readonly along: readonly [number, number];
  readonly across: readonly [number, number];
}

const dot = ([ax, ay]: Point, [bx, by]: Point) => ax * bx + ay * by;

/** In order around the area. */
export function hullOf({ top, left, right }: Area): Point[] {
  const points: Point[] = [];
  for (const [i, x] of left.entries()) {
    points.push([x, top + i]);
    if (right[i] !== x) points.push([right[i]!, top + i]);
  }
  return [...halfHull(points), ...halfHull(points.reverse())];
}

/** One side of the hull of points in order, without its last. [Andrew 1979] */
function halfHull(points: readonly Point[]): Point[] {
  const half: Point[] = [];
  for (const point of points) {
    while (half.length > 1 && !turnsLeft(half.at(-2)!, half.at(-1)!, point)) half.pop();
    half.push(point);
  }
  half.pop();
  return half;
}

function turnsLeft([ax, ay]: Point, [bx, by]: Point, [cx, cy]: Point): boolean {
  return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax) > 0;
}

/** Undefined for a single pixel. */
export function smallestRectangle(hull: readonly Point[]): Rectangle | undefined {
  let smallest: Rectangle | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const [i, [x, y]] of hull.entries()) {
    const [nextX, nextY] = hull[(i + 1) % hull.length]!;
    const length = Math.hypot(nextX - x, nextY - y);
    if (length === 0) continue;
    const rectangle = rectangleAlong(hull, [(nextX - x) / length, (nextY - y) / length]);
    const [width, height] = sidesOf(rectangle);
    if (width * height >= least) continue;
    [smallest, least] = [rectangle, width * height];
  }
  return smallest;
}

function rectangleAlong(hull: readonly Point[], axis: Point): Rectangle {
  return { axis, along: extent(hull, axis), across: extent(hull, normalTo(axis)) };
}

function extent(points: readonly Point[], axis: Point): readonly [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const point of points) {
    const at = dot(point, axis);
    low = Math.min(low, at);
    high = Math.max(high, at);
  }
  return [low, high];
}

function normalTo([x, y]: Point): Point {
  return [-y, x];
}

export function sidesOf({ along, across }: Rectangle): readonly [number, number] {
  return [along[1] - along[0], across[1] - across[0]];
}

/** Each side moved outwards. */
export function expanded({ axis, along, across }: Rectangle, by: number): Rectangle {
  return { axis, along: [along[0] - by, along[1] + by], across: [across[0] - by, across[1] + by] };
}

/** Corners in order around it. */
export function cornersOf({ axis, along, across }: Rectangle): Quad {
  const normal = normalTo(axis);
  const corner = (a: number, b: number): Point => [a * axis[0] + b * normal[0], a * axis[1] + b * normal[1]];
  return [
    corner(along[0], across[0]),
    corner(along[1], across[0]),
    corner(along[1], across[1]),
    corner(along[0], across[1]),
  ];
}

/** Top left, top right, bottom right, bottom left: of the two corners to the left and the two to the right, the upper one first. */
export function clockwise(corners: Quad): Quad {
  const [a, b, c, d] = [...corners].sort(([ax], [bx]) => ax - bx) as [Point, Point, Point, Point];
  const [topLeft, bottomLeft] = a[1] <= b[1] ? [a, b] : [b, a];
  const [topRight, bottomRight] = c[1] <= d[1] ? [c, d] : [d, c];
  return [topLeft, topRight, bottomRight, bottomLeft];
}

/** From where to where a convex shape covers a row; undefined: nowhere. */
export function rowOf(corners: Quad, y: number): readonly [number, number] | undefined {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [i, [ax, ay]] of corners.entries()) {
    const [bx, by] = corners[(i + 1) % 4]!;
    if (y < Math.min(ay, by) || y > Math.max(ay, by)) continue;
    for (const x of ay === by ? [ax, bx] : [ax + ((y - ay) / (by - ay)) * (bx - ax)]) {
      low = Math.min(low, x);
      high = Math.max(high, x);
    }
  }
  return low <= high ? [low, high] : undefined;
}
