// Feeds and their publishers: in the crash one lies, one cannot transfer, one fell silent.

import { distress, FEEDS, index, wobble } from './prices.mjs';
import { decimal, hex } from './text.mjs';

const NAMES = ['Meridian', 'Harbour', 'Cascade', 'Quay', 'Polar', 'Sextant', 'Lantern'];
const LIAR = 3;
const BROKEN = 4;
const SILENT = 6;

function publisher(feed, at, time, mood, confidence) {
  const trouble = distress(time, mood);
  const truth = index(feed, time, mood);
  const isLying = trouble > 0.2 && at === LIAR && (feed === 3 || feed === 5);
  const isBroken = trouble > 0.5 && at === BROKEN && feed >= 2 && feed !== 4;
  const isSilent = trouble > 0.6 && at === SILENT && (feed === 3 || feed === 5);
  const lag = 120 + at * 90 + (isSilent ? 47_000 : 0);
  const noise = 1 + confidence * 0.6 * wobble(at * 3.3 + feed, (time * 1.0) % 3_600_000);
  // A venue that stands still while the market falls: its price is that of before.
  const price = isLying ? FEEDS[feed].price * (1 - FEEDS[feed].fall * 0.15) : truth * noise;
  return {
    key: hex(`publisher ${feed} ${at}`, 33),
    name: `${NAMES[at]} ${FEEDS[feed].name}`,
    source: at + 1,
    weight: at < 2 ? 3 : 2,
    price: decimal(price, 6),
    confidence: decimal(truth * confidence * 0.5, 6),
    publishedAt: time - lag,
    counts: !isBroken && !isSilent,
    penalty: isLying ? decimal(Math.min(0.5, (trouble - 0.2) * 0.8), 6) : '0',
    transfersSuspended: isBroken,
  };
}

export function condition(feed, time, mood) {
  const trouble = distress(time, mood);
  if (feed === 5 && trouble > 0.85) return 'Down';
  return feed === 3 && trouble > 0.4 ? 'Degraded' : 'Live';
}

export function confidence(feed, time, mood) {
  const calm = feed === 4 ? 0.0002 : 0.0006;
  return calm + distress(time, mood) * (feed === 3 || feed === 5 ? 0.03 : feed === 4 ? 0.001 : 0.004);
}

export function feedView(feed, time, mood, slow) {
  const width = confidence(feed, time, mood);
  const now = index(feed, time, mood);
  return {
    feed,
    name: FEEDS[feed].name,
    condition: condition(feed, time, mood),
    indexPrice: decimal(now, 6),
    confidence: decimal(now * width, 6),
    slowPrice: decimal(slow, 6),
    volatilityADay: decimal(FEEDS[feed].volatility * (1 + 2 * distress(time, mood)), 6),
    publishers: NAMES.map((_, at) => publisher(feed, at, time, mood, width)),
  };
}
