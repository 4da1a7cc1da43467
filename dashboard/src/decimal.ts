// Exact arithmetic on decimal strings. Everything that decides something goes through here; floats are for drawing only.

interface Scaled {
  value: bigint;
  places: number;
}

const SHAPE = /^(-?)(\d+)(?:\.(\d+))?$/;

export function parse(text: string): Scaled {
  const found = SHAPE.exec(text);
  if (!found) throw new Error(`not a decimal: ${text}`);
  const [, sign = '', whole = '', fraction = ''] = found;
  const value = BigInt(whole + fraction);
  return { value: sign ? -value : value, places: fraction.length };
}

function atPlaces(scaled: Scaled, places: number): bigint {
  return scaled.value * 10n ** BigInt(places - scaled.places);
}

function write({ value, places }: Scaled): string {
  const digits = (value < 0n ? -value : value).toString().padStart(places + 1, '0');
  const whole = digits.slice(0, digits.length - places);
  const fraction = digits.slice(digits.length - places).replace(/0+$/, '');
  return (value < 0n ? '-' : '') + whole + (fraction ? `.${fraction}` : '');
}

function combine(left: string, right: string, how: (a: bigint, b: bigint) => bigint): Scaled {
  const [a, b] = [parse(left), parse(right)];
  const places = Math.max(a.places, b.places);
  return { value: how(atPlaces(a, places), atPlaces(b, places)), places };
}

export function add(left: string, right: string): string {
  return write(combine(left, right, (a, b) => a + b));
}

export function subtract(left: string, right: string): string {
  return write(combine(left, right, (a, b) => a - b));
}

export function sum(values: Iterable<string>): string {
  let total = '0';
  for (const value of values) total = add(total, value);
  return total;
}

/** −1, 0 or 1. */
export function sign(text: string): -1 | 0 | 1 {
  const { value } = parse(text);
  return value < 0n ? -1 : value > 0n ? 1 : 0;
}

/** Below zero, zero or above: how `left` stands to `right`. */
export function compare(left: string, right: string): -1 | 0 | 1 {
  return sign(subtract(left, right));
}

export function magnitude(text: string): string {
  return text.startsWith('-') ? text.slice(1) : text;
}

export type Rounding = 'floor' | 'ceil' | 'nearest';

function divide(numerator: bigint, denominator: bigint, rounding: Rounding): bigint {
  const [n, d] = denominator < 0n ? [-numerator, -denominator] : [numerator, denominator];
  const down = n / d - (n % d < 0n ? 1n : 0n);
  const rest = n - down * d;
  if (rest === 0n || rounding === 'floor') return down;
  if (rounding === 'ceil') return down + 1n;
  return rest * 2n >= d ? down + 1n : down;
}

/** The value with exactly so many places. */
export function rounded(text: string, places: number, rounding: Rounding): string {
  const scaled = parse(text);
  const value =
    scaled.places <= places ? atPlaces(scaled, places) : divide(scaled.value, 10n ** BigInt(scaled.places - places), rounding);
  const digits = (value < 0n ? -value : value).toString().padStart(places + 1, '0');
  const cut = digits.length - places;
  return (value < 0n ? '-' : '') + digits.slice(0, cut) + (places ? `.${digits.slice(cut)}` : '');
}

/** `text` × 10ˢ. */
export function shifted(text: string, shift: number): string {
  const { value, places } = parse(text);
  return shift >= places
    ? write({ value: value * 10n ** BigInt(shift - places), places: 0 })
    : write({ value, places: places - shift });
}

/** `part` ⁄ `whole` with six places; none where the whole is zero. */
export function ratio(part: string, whole: string, rounding: Rounding = 'nearest'): string | null {
  const [a, b] = [parse(part), parse(whole)];
  if (b.value === 0n) return null;
  const places = Math.max(a.places, b.places);
  return write({ value: divide(atPlaces(a, places) * 1_000_000n, atPlaces(b, places), rounding), places: 6 });
}

/** For plots, bars and their scales only. */
export function toPlot(text: string): number {
  return Number(text);
}
