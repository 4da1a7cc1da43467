// The last hour of a feed's prices and of a pool's fund, for plots and for the change in an hour.

import { toPlot } from './decimal';
import type { Feed, Pool, PoolPoint, PricePoint } from './types';

const KEPT_MS = 3_600_000;
const MOST_POINTS = 1_200;

export interface PriceSeries {
  /** Exact, for the change since the oldest point. */
  points: { time: number; index: string }[];
  time: number[];
  index: number[];
  slow: number[];
  confidence: number[];
}

export interface PoolSeries {
  time: number[];
  fund: number[];
  liquidating: number[];
  notional: number[];
}

export function emptyPrices(): PriceSeries {
  return { points: [], time: [], index: [], slow: [], confidence: [] };
}

export function emptyPool(): PoolSeries {
  return { time: [], fund: [], liquidating: [], notional: [] };
}

/** A new point comes when it is far enough from the last that an hour fits. */
function isDue(times: number[], time: number): boolean {
  const last = times.at(-1);
  return last === undefined || time - last >= KEPT_MS / MOST_POINTS;
}

function excess(times: number[]): number {
  const newest = times.at(-1) ?? 0;
  const at = times.findIndex((time) => time >= newest - KEPT_MS);
  return Math.max(at, times.length - MOST_POINTS, 0);
}

export function addPrice(series: PriceSeries, [time, index, slow, confidence]: PricePoint): void {
  if (!isDue(series.time, time)) return;
  series.points.push({ time, index });
  series.time.push(time);
  series.index.push(toPlot(index));
  series.slow.push(toPlot(slow));
  series.confidence.push(toPlot(confidence));
  const cut = excess(series.time);
  if (cut > 0) for (const column of Object.values(series)) column.splice(0, cut);
}

export function addPool(series: PoolSeries, [time, fund, liquidating, notional]: PoolPoint): void {
  if (!isDue(series.time, time)) return;
  series.time.push(time);
  series.fund.push(toPlot(fund));
  series.liquidating.push(liquidating);
  series.notional.push(toPlot(notional));
  const cut = excess(series.time);
  if (cut > 0) for (const column of Object.values(series)) column.splice(0, cut);
}

export function pricePoint(time: number, feed: Feed): PricePoint {
  return [time, feed.indexPrice, feed.slowPrice, feed.confidence];
}

export function poolPoint(time: number, pool: Pool): PoolPoint {
  return [time, pool.fund.equity, pool.liquidating, pool.openNotional];
}
