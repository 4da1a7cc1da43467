// The words for what the node names by code, and events told as sentences.

import { exact, money, percent, price, signedPercent } from './format';
import { link } from './route';
import type { NodeEvent } from './types';

/** How much something asks for a person: `ok` not at all, `alarm` now. */
export type Tone = 'ok' | 'note' | 'warning' | 'alarm';

/** `CallAuction` as words: call auction. */
export function spaced(name: string): string {
  const words = name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').split(' ');
  return words.map((word) => (word === word.toUpperCase() && word.length > 1 ? word : word.toLowerCase())).join(' ');
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export const LADDER: { level: string; word: string; tone: Tone; means: string }[] = [
  { level: 'Normal', word: 'normal', tone: 'ok', means: 'trades freely' },
  { level: 'Cautious', word: 'cautious', tone: 'warning', means: 'initial stress is widened' },
  { level: 'ReduceOnly', word: 'reduce only', tone: 'warning', means: 'orders may only reduce positions' },
  { level: 'CallAuction', word: 'call auction', tone: 'warning', means: 'orders collect, then clear at one price' },
  { level: 'Halted', word: 'halted', tone: 'alarm', means: 'nothing trades' },
  { level: 'WindDown', word: 'wind-down', tone: 'alarm', means: 'closes for good at a price by rule' },
];

export function breakerTone(level: string): Tone {
  return LADDER.find((step) => step.level === level)?.tone ?? 'warning';
}

export function breakerWord(level: string): string {
  return LADDER.find((step) => step.level === level)?.word ?? spaced(level);
}

const CAUSES: Record<string, string> = {
  Calm: 'nothing is wrong',
  LargeMove: 'the index is far from the slow price',
  Cascade: 'forced sales would carry a move on',
  FundDrawdown: 'the fund has lost much',
  FeedDegraded: 'its feed is degraded',
  FeedDown: 'its feed is down',
  OutsideBand: 'orders wanted to trade outside the band',
  Restart: 'the node was restarted',
  Reopening: 'a halted market reopens',
  HaltTooLong: 'a halt lasted too long',
  LossesNotCovered: 'losses went through every other layer',
};

export function cause(name: string): string {
  return CAUSES[name] ?? spaced(name);
}

export function conditionTone(condition: string): Tone {
  return condition === 'Live' ? 'ok' : condition === 'Degraded' ? 'warning' : 'alarm';
}

export function standingTone(standing: string): Tone {
  return standing === 'Good' ? 'ok' : standing === 'Liquidating' ? 'alarm' : 'note';
}

export interface Layer {
  layer: string;
  word: string;
  means: string;
}

/** In the order in which they pay. */
export const LAYERS: Layer[] = [
  { layer: 'OwnCapital', word: 'own capital', means: 'the pool’s own money, with fees and rounding' },
  { layer: 'Fund', word: 'fund', means: 'pays down to half of its maintenance margin, and gives back what others bore after it' },
  { layer: 'Tranche', word: 'tranche', means: 'money of backstop providers' },
  { layer: 'Line', word: 'line', means: 'a capped promise of the shared reserve' },
  { layer: 'AutoDeleveraging', word: 'auto-deleveraging', means: 'winners’ positions are closed at the mark' },
  { layer: 'GainsHaircut', word: 'haircut of gains', means: 'a pro-rata cut of members’ gains' },
  { layer: 'MembersEquity', word: 'equity', means: 'a pro-rata part of what members have above their targets' },
  { layer: 'WindDown', word: 'wind-down', means: 'the pool closes at prices by rule' },
];

export function layerWord(layer: string): string {
  return LAYERS.find((known) => known.layer === layer)?.word ?? spaced(layer);
}

/** Account 0 of a pool is its fund. */
export function accountWord(account: number): string {
  return account === 0 ? 'fund' : `account ${account}`;
}

const TONES: Record<string, Tone> = {
  AccountLiquidated: 'warning',
  AccountClosed: 'warning',
  AutoDeleveraged: 'alarm',
  FeedConditionChanged: 'warning',
  LiquidationsCarried: 'alarm',
  LossAllocated: 'warning',
  PoolWoundDown: 'alarm',
  PortfolioAbsorbed: 'warning',
  PortfolioAuctioned: 'warning',
  PublisherFlagged: 'warning',
};

export function eventTone(event: NodeEvent): Tone {
  if (event.kind === 'BreakerStepped') return breakerTone(String(event.level));
  if (event.kind === 'FeedConditionChanged') return conditionTone(String(event.condition));
  if (event.kind === 'LossAllocated' && LAYERS.findIndex(({ layer }) => layer === event.layer) >= 4) return 'alarm';
  return TONES[event.kind] ?? (event.kind === 'AccountRestored' ? 'ok' : 'note');
}

/** The same where a heading says that it is an account. */
export function accountNumber(account: number): string {
  return account === 0 ? 'fund' : String(account);
}

/** What names stand behind ids. */
export interface Names {
  market(pool: number, instrument: number): string;
  feed(feed: number): string;
  publisher(feed: number, at: number): string;
}

const usd = (value: unknown) => `${money(String(value))} USD`;
const who = (value: unknown) => accountWord(Number(value));

type Teller = (event: NodeEvent, names: Names) => string;

const inMarket = (event: NodeEvent, names: Names) => names.market(Number(event.pool), Number(event.instrument));

function side(event: NodeEvent): string {
  const amount = String(event.quantity);
  return amount.startsWith('-') ? `sold ${exact(amount.slice(1))}` : `bought ${exact(amount)}`;
}

const TELLERS: Record<string, Teller> = {
  AccountLiquidated: (e) => `${who(e.account)} breached: equity ${usd(e.equity)}, maintenance margin ${usd(e.maintenanceMargin)}`,
  AccountRestored: (e) => `${who(e.account)} is good again: equity ${usd(e.equity)}`,
  AccountClosed: (e) => `${who(e.account)} closed: shortfall ${usd(e.shortfall)}`,
  Filled: (e, names) =>
    `${who(e.account)} ${side(e)} ${inMarket(e, names)} at ${price(String(e.price))} USD, fee ${usd(e.fee)}${e.forced ? ', forced' : ''}`,
  AuctionCleared: (e, names) => `${inMarket(e, names)} cleared ${exact(String(e.quantity))} at ${price(String(e.price))} USD`,
  PortfolioAuctioned: (e) =>
    `portfolio of ${who(e.account)}: notional ${usd(e.notional)}, equity ${usd(e.equity)}, premium ${percent(String(e.premium))}, taken ${percent(String(e.taken))}`,
  SliceTaken: (e) =>
    `${who(e.bidder)} took ${percent(String(e.share))} of the portfolio of ${who(e.account)} for ${usd(e.premium)}`,
  PortfolioAbsorbed: (e) =>
    `the fund took ${percent(String(e.share))} of the portfolio of ${who(e.account)}: notional ${usd(e.notional)}, premium ${usd(e.premium)}`,
  LossAllocated: (e) =>
    `${layerWord(String(e.layer))} bore ${usd(e.amount)} of the loss of ${who(e.defaulter)}${e.bearer === null || e.bearer === undefined ? '' : `, by ${who(e.bearer)}`}`,
  OwnTranchePaid: (e) => `the tranche money of ${who(e.account)} paid ${usd(e.amount)} of its own loss`,
  ClaimRepaid: (e) =>
    `the fund gave back ${usd(e.amount)} that ${layerWord(String(e.layer))} had borne${e.bearer === null || e.bearer === undefined ? '' : `, to ${who(e.bearer)}`}`,
  AutoDeleveraged: (e, names) =>
    `${who(e.account)} closed ${exact(String(e.quantity))} ${inMarket(e, names)} at ${price(String(e.price))} USD against ${who(e.defaulter)}, haircut ${usd(e.haircut)}`,
  FundingPaid: (e, names) => `${inMarket(e, names)}: longs pay ${signedPercent(String(e.rate), 4)}`,
  InterestPaid: (e) => `interest on loans ${percent(String(e.rate), 4)}: ${usd(e.amount)}`,
  Expired: (e, names) => `${inMarket(e, names)} settled at ${price(String(e.price))} USD`,
  BreakerStepped: (e, names) =>
    `${inMarket(e, names)} stepped to ${breakerWord(String(e.level))} because ${cause(String(e.cause))}`,
  FeedConditionChanged: (e, names) => `feed ${names.feed(Number(e.feed))} is ${String(e.condition).toLowerCase()}`,
  PublisherFlagged: (e, names) =>
    `${names.publisher(Number(e.feed), Number(e.publisher))} said ${price(String(e.price))} USD for ${names.feed(Number(e.feed))} while the index was ${price(String(e.index))} USD`,
  LiquidationsCarried: (e) => `${e.accounts} liquidations carried to the next block`,
  OrderPlaced: (e) => `${who(e.account)} placed order ${e.number}`,
  OrderRemoved: (e) => `order ${e.number} of ${who(e.account)} removed: ${spaced(String(e.reason))}`,
  Deposited: (e) => `${who(e.account)} deposited ${usd(e.amount)}`,
  Withdrawn: (e) => `${who(e.account)} withdrew ${usd(e.amount)}`,
  AccountOpened: (e) => `${who(e.account)} opened`,
  PoolOpened: (e) => `pool ${e.pool} opened`,
  PoolWoundDown: (e) => `pool ${e.pool} wound down`,
};

const COMMON = new Set(['sequence', 'height', 'time', 'kind', 'pool']);

/** An event whose kind this page does not know is told by its fields. */
function plain(event: NodeEvent): string {
  const fields = Object.entries(event).filter(([name]) => !COMMON.has(name));
  return fields.map(([name, value]) => `${spaced(name)} ${value === null ? 'none' : String(value)}`).join(', ');
}

export function tell(event: NodeEvent, names: Names): string {
  try {
    return TELLERS[event.kind]?.(event, names) ?? plain(event);
  } catch {
    // A field that is not what this page expects must not hide the event.
    return plain(event);
  }
}

/** The page that shows more about an event. */
export function eventLink(event: NodeEvent): string | null {
  const pool = typeof event.pool === 'number' ? event.pool : null;
  if (event.kind === 'LossAllocated' && pool !== null) return link.fund(pool);
  if (pool !== null && typeof event.account === 'number') return link.account(pool, event.account);
  if (pool !== null && typeof event.instrument === 'number') return link.market(pool, event.instrument);
  return typeof event.feed === 'number' ? link.feed(event.feed) : null;
}
