import type { State } from './store';
import { publisherName } from './watch';
import type { Names } from './words';

export function names(state: State): Names {
  return {
    market: (pool, instrument) =>
      state.markets.find((market) => market.pool === pool && market.instrument === instrument)?.name ??
      `instrument ${instrument}`,
    feed: (feed) => state.feeds.find((found) => found.feed === feed)?.name ?? `feed ${feed}`,
    publisher: (feed, at) => {
      const publisher = state.feeds.find((found) => found.feed === feed)?.publishers[at];
      return publisher ? publisherName(publisher) : `publisher ${at}`;
    },
  };
}
