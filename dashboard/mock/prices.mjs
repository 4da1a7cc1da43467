// Prices of the fake world: functions of time only, so that every run is the same.

export const START = Date.UTC(2025, 9, 10, 20, 30, 0);
export const HOUR = 3_600_000;

/** Fall at the bottom of the crash, daily volatility and places of a lot. */
export const FEEDS = [
  { name: 'BTC', price: 116_600, fall: 0.13, volatility: 0.031, places: 5 },
  { name: 'ETH', price: 3_990, fall: 0.21, volatility: 0.042, places: 4 },
  { name: 'SOL', price: 205.2, fall: 0.3, volatility: 0.055, places: 2 },
  { name: 'AAVE', price: 257.92, fall: 0.42, volatility: 0.061, places: 2 },
  { name: 'USDC', price: 1, fall: 0.006, volatility: 0.0012, places: 2 },
  { name: 'WIF', price: 0.661, fall: 0.56, volatility: 0.09, places: 0 },
];

const BEGINS = 44 * 60_000;
const BOTTOM = 55 * 60_000;
const REBOUND = 0.12;

/** 0 before the crash, 1 at the bottom, a little less after it. */
function depth(age) {
  if (age < BEGINS) return 0;
  if (age < BOTTOM) {
    const way = (age - BEGINS) / (BOTTOM - BEGINS);
    return way * way * (3 - 2 * way);
  }
  return 1 - REBOUND * (1 - Math.exp((BOTTOM - age) / 90_000));
}

/** A wobble without a random number: sines whose periods share no factor. */
export function wobble(seed, age) {
  const seconds = age / 1_000;
  const periods = [7.3, 19.1, 53.7, 171, 613, 1_709];
  const weights = [0.06, 0.1, 0.16, 0.2, 0.24, 0.24];
  return periods.reduce(
    (total, period, at) => total + weights[at] * Math.sin((seconds * 2 * Math.PI) / period + seed * (at + 1.7)),
    0,
  );
}

export function index(feed, time, mood) {
  const { price, fall, volatility } = FEEDS[feed];
  const age = time - START;
  const size = mood === 'crash' ? volatility * 0.28 : volatility * 0.13;
  const fallen = mood === 'crash' ? 1 - fall * depth(age) : 1;
  return price * fallen * (1 + size * wobble(feed * 2.1 + 0.4, age));
}

/** How much of the crash is behind: 0 in calm. */
export function distress(time, mood) {
  return mood === 'crash' ? depth(time - START) : 0;
}
