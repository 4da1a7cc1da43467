// What a person on duty must know: the verdict, the alarms behind it, falling markets and doubtful publishers.

import { compare, magnitude, ratio, sign, subtract } from './decimal';
import { duration, percent } from './format';
import { link } from './route';
import type { Freshness, State } from './store';
import type { Feed, Pool, PoolMarket, Publisher } from './types';
import { breakerTone, breakerWord, cause, conditionTone, layerWord, type Tone } from './words';

export interface Alarm {
  tone: 'warning' | 'alarm';
  /** The same while the same thing is wrong, however its figures move: a screen reader hears it once. */
  key: string;
  text: string;
  href: string;
}

/** The fund has lost so much of its high that it is said aloud. */
const DRAWDOWN = '0.1';
/** Losses are news for so long. */
const NEWS_MS = 300_000;
/** A queue this full is said aloud. */
const FULL = 0.8;

function poolAlarms(pool: Pool): Alarm[] {
  const alarms: Alarm[] = [];
  const href = link.accounts(pool.pool);
  const say = (tone: Alarm['tone'], key: string, text: string, to = href) =>
    alarms.push({ tone, key: `${key}/${pool.pool}`, text, href: to });
  if (pool.windingDown) say('alarm', 'winding', `${pool.name} is winding down`, link.fund(pool.pool));
  if (pool.carried > 0) say('alarm', 'carried', `${pool.carried} liquidations carried to the next block in ${pool.name}`);
  if (pool.liquidating > 0) {
    const accounts = pool.liquidating === 1 ? '1 account' : `${pool.liquidating} accounts`;
    say('warning', 'liquidating', `${accounts} under liquidation in ${pool.name}`);
  }
  const { equity, high } = pool.fund;
  if (sign(equity) <= 0) say('alarm', 'fund', `the fund of ${pool.name} is used up`, link.fund(pool.pool));
  else {
    const lost = ratio(subtract(high, equity), high);
    if (lost !== null && compare(lost, DRAWDOWN) >= 0) {
      say('warning', 'fund', `the fund of ${pool.name} is ${percent(lost, 1)} below its high`, link.fund(pool.pool));
    }
  }
  return alarms;
}

function marketAlarms(market: PoolMarket): Alarm[] {
  const { level } = market.breaker;
  const tone = breakerTone(level);
  if (tone !== 'warning' && tone !== 'alarm') return [];
  const text = `${market.name}: ${breakerWord(level)} because ${cause(market.breaker.cause)}`;
  return [
    {
      tone,
      key: `breaker/${market.pool}/${market.instrument}/${level}`,
      text,
      href: link.market(market.pool, market.instrument),
    },
  ];
}

function feedAlarms(feed: Feed): Alarm[] {
  const tone = conditionTone(feed.condition);
  if (tone !== 'warning' && tone !== 'alarm') return [];
  const text = `feed ${feed.name} is ${feed.condition.toLowerCase()}`;
  return [{ tone, key: `feed/${feed.feed}/${feed.condition}`, text, href: link.feed(feed.feed) }];
}

function lossAlarms(state: State): Alarm[] {
  const recent = state.losses.ledger.events.filter(({ time }) => state.time - time <= NEWS_MS);
  const layers = new Set(recent.map((event) => String(event.layer)));
  return [...layers].map((layer) => ({
    tone: layer === 'OwnCapital' || layer === 'Fund' ? 'warning' : 'alarm',
    key: `loss/${layer}`,
    text: `losses were allocated to the ${layerWord(layer)} in the last ${duration(NEWS_MS)}`,
    href: link.fund(Number(recent.find((event) => event.layer === layer)?.pool ?? 0)),
  }));
}

function intakeAlarms(state: State): Alarm[] {
  const intake = state.status?.intake;
  if (!intake) return [];
  const lanes: [string, number, number][] = [
    ['ordinary', intake.waiting, intake.capacity],
    ['urgent', intake.urgentWaiting, intake.urgentCapacity],
  ];
  return lanes
    .filter(([, waiting, capacity]) => capacity > 0 && waiting / capacity >= FULL)
    .map(([lane]) => ({
      tone: 'warning',
      key: `intake/${lane}`,
      text: `the ${lane} intake queue is nearly full`,
      href: link.system(),
    }));
}

/** Everything that is wrong, the worst first. */
export function alarms(state: State): Alarm[] {
  const found = [
    ...state.pools.flatMap(poolAlarms),
    ...lossAlarms(state),
    ...state.feeds.flatMap(feedAlarms),
    ...state.markets.flatMap(marketAlarms),
    ...intakeAlarms(state),
  ];
  const rank = { alarm: 0, warning: 1 };
  return found.sort((left, right) => rank[left.tone] - rank[right.tone]);
}

export interface Verdict {
  tone: Tone;
  word: string;
  means: string;
}

/** Are we safe? Never yes on old figures. */
export function verdict(fresh: Freshness, found: Alarm[]): Verdict {
  if (fresh === 'loading') return { tone: 'note', word: 'Loading', means: 'asking the node' };
  if (fresh !== 'live') return { tone: 'alarm', word: 'Unknown', means: 'the figures below are old: nobody can say from here' };
  if (found.some(({ tone }) => tone === 'alarm')) return { tone: 'alarm', word: 'Danger', means: 'somebody must look now' };
  if (found.length > 0) return { tone: 'warning', word: 'Under stress', means: 'the rules are at work; keep watching' };
  return { tone: 'ok', word: 'Safe', means: 'no liquidation, every feed live, every breaker normal, the fund whole' };
}

export interface Move {
  market: PoolMarket;
  /** A fraction; none while there is no history. */
  change: string | null;
  since: number | null;
}

/** Markets by their index's change over the kept hour, the deepest fall first. */
export function moves(state: State): Move[] {
  const all = state.markets.map((market) => {
    const oldest = state.prices.get(market.feed)?.points[0];
    const change = oldest ? ratio(subtract(market.indexPrice, oldest.index), magnitude(oldest.index)) : null;
    return { market, change, since: oldest?.time ?? null };
  });
  return all.sort((left, right) => compare(left.change ?? '0', right.change ?? '0'));
}

/** How far a publisher is from the index, as a fraction of it. */
export function deviation(feed: Feed, publisher: Publisher): string | null {
  return publisher.price === null ? null : ratio(subtract(publisher.price, feed.indexPrice), magnitude(feed.indexPrice));
}

export interface Doubtful {
  feed: Feed;
  publisher: Publisher;
  reasons: string[];
}

/** Older reports are called old; the node's own limit decides whether they count. */
const OLD_MS = 10_000;

export function doubts(publisher: Publisher, time: number): string[] {
  const reasons: string[] = [];
  if (sign(publisher.penalty) > 0) reasons.push(`outlier: ${percent(publisher.penalty, 1)} of its weight lost`);
  if (publisher.transfersSuspended) reasons.push('transfers suspended');
  if (publisher.publishedAt === null || publisher.price === null) reasons.push('no report');
  else if (time - publisher.publishedAt > OLD_MS) reasons.push(`last report ${duration(time - publisher.publishedAt)} old`);
  if (!publisher.counts && reasons.length === 0) reasons.push('does not count');
  return reasons;
}

/** Publishers that lost weight or do not count, the furthest from the index first. */
export function doubtful(state: State): Doubtful[] {
  const all = state.feeds.flatMap((feed) =>
    feed.publishers.map((publisher) => ({ feed, publisher, reasons: doubts(publisher, state.time) })),
  );
  const distance = (entry: Doubtful) => magnitude(deviation(entry.feed, entry.publisher) ?? '0');
  return all.filter(({ reasons }) => reasons.length > 0).sort((left, right) => compare(distance(right), distance(left)));
}

export function publisherName(publisher: Publisher): string {
  return publisher.name ?? `${publisher.key.slice(0, 10)}…`;
}
