// Numbers and hashes as the node writes them.

import { createHash } from 'node:crypto';

/** A decimal string without needless zeros. */
export function decimal(value, places = 6) {
  const text = value.toFixed(places);
  const short = text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text;
  return short === '-0' ? '0' : short;
}

export function hex(text, bytes = 32) {
  const whole = createHash('sha256').update(text).digest('hex') + createHash('sha256').update(`${text}.`).digest('hex');
  return `0x${whole.slice(0, bytes * 2)}`;
}

/** The same numbers every time: a small generator with a seed. */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
