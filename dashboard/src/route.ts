// Which page the address names. The part after `#` is used, so that any server of plain files will do.

import { useEffect, useState } from 'preact/hooks';

export type Route =
  | { page: 'overview' }
  | { page: 'markets'; pool: number }
  | { page: 'market'; pool: number; instrument: number }
  | { page: 'accounts'; pool: number }
  | { page: 'account'; pool: number; account: number }
  | { page: 'feeds' }
  | { page: 'feed'; feed: number }
  | { page: 'fund'; pool: number }
  | { page: 'system' }
  | { page: 'unknown' };

const SHAPES: [RegExp, (ids: number[]) => Route][] = [
  [/^$/, () => ({ page: 'overview' })],
  [/^pools\/(\d+)\/markets$/, ([pool = 0]) => ({ page: 'markets', pool })],
  [/^pools\/(\d+)\/markets\/(\d+)$/, ([pool = 0, instrument = 0]) => ({ page: 'market', pool, instrument })],
  [/^pools\/(\d+)\/accounts$/, ([pool = 0]) => ({ page: 'accounts', pool })],
  [/^pools\/(\d+)\/accounts\/(\d+)$/, ([pool = 0, account = 0]) => ({ page: 'account', pool, account })],
  [/^feeds$/, () => ({ page: 'feeds' })],
  [/^feeds\/(\d+)$/, ([feed = 0]) => ({ page: 'feed', feed })],
  [/^pools\/(\d+)\/fund$/, ([pool = 0]) => ({ page: 'fund', pool })],
  [/^system$/, () => ({ page: 'system' })],
];

export function read(hash: string): Route {
  const path = hash.replace(/^#?\/?/, '').replace(/\/$/, '');
  for (const [shape, route] of SHAPES) {
    const found = shape.exec(path);
    if (found) return route(found.slice(1).map(Number));
  }
  return { page: 'unknown' };
}

export const link = {
  overview: () => '#/',
  markets: (pool: number) => `#/pools/${pool}/markets`,
  market: (pool: number, instrument: number) => `#/pools/${pool}/markets/${instrument}`,
  accounts: (pool: number) => `#/pools/${pool}/accounts`,
  account: (pool: number, account: number) => `#/pools/${pool}/accounts/${account}`,
  feeds: () => '#/feeds',
  feed: (feed: number) => `#/feeds/${feed}`,
  fund: (pool: number) => `#/pools/${pool}/fund`,
  system: () => '#/system',
};

/** The skip link's target is no page. */
const isPage = (hash: string) => hash === '' || hash.startsWith('#/');

export function useRoute(): Route {
  const [route, setRoute] = useState(() => read(isPage(location.hash) ? location.hash : ''));
  useEffect(() => {
    const follow = () => {
      if (isPage(location.hash)) setRoute(read(location.hash));
    };
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return route;
}
