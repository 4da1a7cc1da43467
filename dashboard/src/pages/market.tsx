import { api } from '../api';
import { toPlot } from '../decimal';
import { clock, count, duration, moment, percent, price, pricePlaces, signedPercent, tick } from '../format';
import { useLive, usePolled } from '../live';
import { Change, Price, Quantity, Usd } from '../parts/amount';
import { Badge } from '../parts/badge';
import { BookTable } from '../parts/book';
import { Card } from '../parts/card';
import { Events } from '../parts/events';
import { Figure, Figures } from '../parts/figures';
import { Ladder } from '../parts/ladder';
import { Meter } from '../parts/meter';
import { Notice } from '../parts/notice';
import { Plot } from '../parts/plot';
import { link } from '../route';
import { pricesOf, type State } from '../store';
import type { PoolMarket } from '../types';
import { moves } from '../watch';
import { breakerTone, breakerWord, capital } from '../words';

/** The confidence band may widen the plot by so much of what prices need, so that a wide band hides no move. */
const BAND_ROOM = 0.5;

function priceRange(_low: number, _high: number, data: (number | null)[][]): [number, number] {
  const known = (column: number) => (data[column] ?? []).filter((value) => value !== null);
  const prices = [...known(1), ...known(2)];
  if (prices.length === 0) return [0, 1];
  const [low, high] = [Math.min(...prices), Math.max(...prices)];
  const span = Math.max(high - low, Math.abs(high) * 0.002);
  const room = span * BAND_ROOM;
  return [
    Math.max(Math.min(low, ...known(4)), low - room) - span * 0.05,
    Math.min(Math.max(high, ...known(3)), high + room) + span * 0.05,
  ];
}

function PricePlot({ state, market }: { state: State; market: PoolMarket }) {
  const series = pricesOf(state, market.feed);
  const at = [...series.time, state.time].map((time) => time / 1_000);
  const now = { index: toPlot(market.indexPrice), slow: toPlot(market.slowPrice) };
  const confidence = [...series.confidence, toPlot(state.feeds.find(({ feed }) => feed === market.feed)?.confidence ?? '0')];
  const index = [...series.index, now.index];
  const places = pricePlaces(market.indexPrice);
  return (
    <Plot
      label={`Index and slow price of ${market.feedName} in the last hour; now ${price(market.indexPrice)} USD`}
      unit="USD"
      height={300}
      data={[
        at,
        index,
        [...series.slow, now.slow],
        index.map((value, i) => value + (confidence[i] ?? 0)),
        index.map((value, i) => value - (confidence[i] ?? 0)),
      ]}
      lines={[
        { name: 'index', colour: '--plot-1' },
        { name: 'slow price', colour: '--plot-2', dash: [6, 4] },
      ]}
      area={{ name: 'confidence', high: 3, low: 4, fill: '--plot-1-soft' }}
      range={priceRange}
      show={(value) => price(value.toFixed(places), places)}
      tick={tick}
    />
  );
}

function StressCard({ market }: { market: PoolMarket }) {
  const entries: [string, string, string][] = [
    ['Initial', market.initialStress, 'what new risk must survive'],
    ['Maintenance', market.maintenanceStress, 'what an account must survive'],
    ['Raw', market.rawStress, 'before buffers and rate limits'],
  ];
  const most = Math.max(...entries.map(([, value]) => toPlot(value)), 0.01);
  return (
    <Card title="Stress" aside="the move that must be survived">
      <dl class="stress">
        {entries.map(([name, value, means]) => (
          <div key={name}>
            <dt>
              {name} <span class="note">{means}</span>
            </dt>
            <dd>
              <Meter share={toPlot(value) / most} tone="note" label={`${name} stress ${percent(value, 2)}`} />
              <span class="number">{percent(value, 2)}</span>
            </dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

function MarketFigures({ state, market }: { state: State; market: PoolMarket }) {
  const move = moves(state).find((found) => found.market === market);
  const places = pricePlaces(market.markPrice);
  const pool = state.pools.find((found) => found.pool === market.pool);
  return (
    <Figures>
      <Figure name="Mark, USD" note={<Change value={move?.change ?? null} />}>
        <Price value={market.markPrice} />
      </Figure>
      <Figure name="Index, USD" note={market.feedName}>
        <Price value={market.indexPrice} />
      </Figure>
      <Figure name="Doubt, ± USD" note="how far the mark may be wrong">
        <Price value={market.doubt} places={places} />
      </Figure>
      <Figure name="Band, USD" note="trades happen inside">
        <Price value={market.band.low} places={places} /> to <Price value={market.band.high} places={places} />
      </Figure>
      <Figure
        name="Last auction, USD"
        note={
          market.lastQuantity === null ? (
            'none yet'
          ) : (
            <>
              <Quantity value={market.lastQuantity} lot={market.lotSize} /> {market.feedName}
            </>
          )
        }
      >
        <Price value={market.lastPrice} places={places} />
      </Figure>
      <Figure
        name={`Open interest, ${market.feedName}`}
        note={
          <>
            <Usd value={market.openNotional} short unit /> notional
          </>
        }
      >
        <Quantity value={market.openInterest} lot={market.lotSize} />
      </Figure>
      {market.fundingRate !== null && (
        <Figure name="Funding rate" note={pool ? `paid in ${duration(pool.fundingNextAt - state.time)}` : undefined}>
          <span class="number">{signedPercent(market.fundingRate, 4)}</span>
        </Figure>
      )}
      {market.expiry !== null && (
        <Figure
          name="Expiry"
          note={
            market.settled === null ? (
              'not settled'
            ) : (
              <>
                settled at <Price value={market.settled} />
              </>
            )
          }
        >
          <span class="number">{moment(market.expiry)}</span>
        </Figure>
      )}
    </Figures>
  );
}

export function MarketPage({ pool, instrument }: { pool: number; instrument: number }) {
  const state = useLive();
  const book = usePolled(`book/${pool}/${instrument}`, 1_000, (signal) => api.book(pool, instrument, signal));
  const market = state.markets.find((found) => found.pool === pool && found.instrument === instrument);
  if (!market) return <Notice tone="warning">There is no such market in this pool.</Notice>;
  const steps = state.notable.events.filter(
    (event) => event.kind === 'BreakerStepped' && event.pool === pool && event.instrument === instrument,
  );
  return (
    <div class="page">
      <p class="crumbs">
        <a href={link.markets(pool)}>Markets</a>
      </p>
      <h1>
        {market.name} <span class="of">{capital(market.kind)}</span>{' '}
        <Badge tone={breakerTone(market.breaker.level)}>{breakerWord(market.breaker.level)}</Badge>
      </h1>
      <MarketFigures state={state} market={market} />
      <div class="grid">
        <div class="stack">
          <Card title="Prices" aside={`index, slow price and confidence of ${market.feedName}`}>
            <PricePlot state={state} market={market} />
          </Card>
          <Card
            title="Order book"
            aside={book.data ? `after block ${count(book.data.height)} at ${clock(book.data.time)} UTC` : 'asking the node'}
          >
            {book.failure && <Notice tone="warning">{book.failure}</Notice>}
            {book.data && <BookTable book={book.data} market={market} />}
          </Card>
        </div>
        <div class="stack">
          <StressCard market={market} />
          <Card title="Breaker" aside="the ladder of R13.1">
            <Ladder market={market} time={state.time} />
            <h3>Steps</h3>
            <Events events={steps.slice(-8).reverse()} label="Steps of the breaker" empty="No step in what the node keeps." />
          </Card>
        </div>
      </div>
    </div>
  );
}
