// How figures look. Amounts are cut from exact decimals; what is cut off always makes an amount look smaller, never better.

import { compare, magnitude, parse, rounded, shifted, type Rounding } from './decimal';

export const MINUS = '\u2212';
export const NO_BREAK = '\u00a0';
export const NONE = '–';

function grouped(text: string): string {
  const [whole = '', fraction] = magnitude(text).split('.');
  const groups = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  const sign = text.startsWith('-') ? MINUS : '';
  return sign + groups + (fraction === undefined ? '' : `.${fraction}`);
}

/** Every digit, grouped. */
export function exact(text: string): string {
  return grouped(text);
}

/** USD with two places, rounded down: a cent below zero never reads as zero. */
export function money(text: string): string {
  return grouped(rounded(text, 2, 'floor'));
}

const SCALES: [least: string, shift: number, suffix: string][] = [
  ['1000000000', -9, 'bn'],
  ['1000000', -6, 'M'],
  ['1000', -3, 'k'],
];

/** USD in short: 4.55 M, 199.32 k, 12.50. */
export function shortMoney(text: string): string {
  const size = magnitude(text);
  const scale = SCALES.find(([least]) => compare(size, least) >= 0);
  if (!scale) return money(text);
  return `${grouped(rounded(shifted(text, scale[1]), 2, 'floor'))}${NO_BREAK}${scale[2]}`;
}

/** Places that give a price about six digits. */
export function pricePlaces(text: string): number {
  const size = magnitude(text);
  if (compare(size, '1000') >= 0) return 2;
  if (compare(size, '1') >= 0) return 4;
  return 6;
}

export function price(text: string, places = pricePlaces(text)): string {
  return grouped(rounded(text, places, 'nearest'));
}

/** A quantity with as many places as a lot has, so that columns align. */
export function quantity(text: string, lot?: string): string {
  const places = lot === undefined ? parse(text).places : parse(lot).places;
  return parse(text).places > places ? grouped(text) : grouped(rounded(text, places, 'nearest'));
}

/** A fraction in per cent. */
export function percent(text: string, places = 2, rounding: Rounding = 'nearest'): string {
  return `${grouped(rounded(shifted(text, 2), places, rounding))}${NO_BREAK}%`;
}

/** A fraction in per cent with its sign, for changes. */
export function signedPercent(text: string, places = 2): string {
  const shown = percent(text, places);
  return shown.startsWith(MINUS) || parse(text).value === 0n ? shown : `+${shown}`;
}

/** A tick of an axis: as many places as its step needs. */
export function tick(value: number, step: number): string {
  const places = Math.max(0, Math.min(8, Math.ceil(-Math.log10(step) - 1e-9)));
  return grouped(value.toFixed(places));
}

/** A tick of an axis in short: 250 k, 1.2 M. */
export function shortTick(value: number): string {
  return shortMoney(value.toFixed(2))
    .replace(/(\.\d*?)0+(?!\d)/, '$1')
    .replace(/\.(?!\d)/, '');
}

export function count(value: number): string {
  return grouped(String(Math.trunc(value)));
}

export function milliseconds(value: number): string {
  return `${value < 100 ? value.toFixed(2) : value.toFixed(0)}${NO_BREAK}ms`;
}

const two = (value: number) => String(value).padStart(2, '0');

/** Time of day, UTC. */
export function clock(time: number): string {
  const date = new Date(time);
  return `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
}

/** Date and time, UTC. */
export function moment(time: number): string {
  const date = new Date(time);
  return `${date.getUTCFullYear()}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())} ${clock(time)}`;
}

/** How long: 850 ms, 4.2 s, 12 min, 3 h, 2 days. */
export function duration(ms: number): string {
  const span = Math.max(0, ms);
  if (span < 1_000) return `${Math.round(span)}${NO_BREAK}ms`;
  if (span < 60_000) return `${(span / 1_000).toFixed(1)}${NO_BREAK}s`;
  if (span < 3_600_000) return `${Math.floor(span / 60_000)}${NO_BREAK}min`;
  if (span < 172_800_000) return `${Math.floor(span / 3_600_000)}${NO_BREAK}h`;
  return `${Math.floor(span / 86_400_000)}${NO_BREAK}days`;
}

/** The ends of a key or hash. */
export function shortHex(text: string): string {
  return text.length > 14 ? `${text.slice(0, 8)}…${text.slice(-4)}` : text;
}
