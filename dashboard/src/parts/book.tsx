// Resting orders of a market after its last auction: offers above, bids below, best nearest to the middle.

import { add, ratio, subtract, sum, toPlot } from '../decimal';
import { count, percent, price, pricePlaces, quantity } from '../format';
import type { Book, PoolMarket } from '../types';

const LEVELS = 12;

interface Level {
  price: string;
  quantity: string;
  total: string;
}

function cumulated(levels: [string, string][]): Level[] {
  let total = '0';
  return levels.slice(0, LEVELS).map(([at, lots]) => {
    total = add(total, lots);
    return { price: at, quantity: lots, total };
  });
}

function Side({ levels, side, most, market }: { levels: Level[]; side: 'bid' | 'ask'; most: number; market: PoolMarket }) {
  const places = pricePlaces(market.markPrice);
  return (
    <>
      {levels.map((level) => (
        <tr key={`${side}${level.price}`} class={side}>
          <td>{side}</td>
          <td class="figure-cell number">{price(level.price, places)}</td>
          <td class="figure-cell number">{quantity(level.quantity, market.lotSize)}</td>
          <td class="figure-cell number depth">
            <span class="depth-bar" style={{ width: `${(toPlot(level.total) / most) * 100}%` }} />
            <span>{quantity(level.total, market.lotSize)}</span>
          </td>
        </tr>
      ))}
    </>
  );
}

export function BookTable({ book, market }: { book: Book; market: PoolMarket }) {
  const bids = cumulated(book.bids);
  const asks = cumulated(book.asks);
  const most = Math.max(1e-12, ...[...bids, ...asks].map(({ total }) => toPlot(total)));
  const [bid, ask] = [bids[0]?.price, asks[0]?.price];
  const spread = bid && ask ? ratio(subtract(ask, bid), market.markPrice) : null;
  return (
    <div class="table book" role="region" aria-label="Order book" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">Side</th>
            <th scope="col" class="figure-cell">
              Limit <span class="unit">USD</span>
            </th>
            <th scope="col" class="figure-cell">
              Quantity <span class="unit">{market.feedName}</span>
            </th>
            <th scope="col" class="figure-cell">
              Cumulated <span class="unit">{market.feedName}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          <Side levels={asks.reverse()} side="ask" most={most} market={market} />
          <tr class="middle">
            <td colSpan={4}>
              {book.auction
                ? `last auction ${price(book.auction.price)} USD for ${quantity(book.auction.quantity, market.lotSize)} in block ${count(book.auction.height)}`
                : 'no auction yet'}
              {spread !== null && `, spread ${percent(spread, 3)}`}
            </td>
          </tr>
          <Side levels={bids} side="bid" most={most} market={market} />
        </tbody>
      </table>
      <p class="note">
        Resting in all: {quantity(sum(book.bids.map(([, lots]) => lots)), market.lotSize)} bid,{' '}
        {quantity(sum(book.asks.map(([, lots]) => lots)), market.lotSize)} offered.
      </p>
    </div>
  );
}
