import type { ComponentChildren } from 'preact';
import { compare, ratio, sign, sum, toPlot } from '../decimal';
import { clock, percent, shortMoney, shortTick } from '../format';
import { useLive } from '../live';
import { Quantity, Usd } from '../parts/amount';
import { Badge } from '../parts/badge';
import { Card } from '../parts/card';
import { Figure, Figures } from '../parts/figures';
import { Notice } from '../parts/notice';
import { Plot } from '../parts/plot';
import { positionColumns } from '../parts/positions';
import { Table, type Column } from '../parts/table';
import { Waterfall } from '../parts/waterfall';
import { names } from '../names';
import { link } from '../route';
import { fundOf, type State } from '../store';
import type { Bid, NodeEvent, Pool } from '../types';
import { accountNumber, layerWord } from '../words';

const NEWEST = 50;

function fundRange(low: number, high: number): [number, number] {
  const [least, most] = [Math.min(0, low), Math.max(high, 1)];
  return [least, most + (most - least) * 0.08];
}

function FundPlot({ state, pool }: { state: State; pool: Pool }) {
  const series = fundOf(state, pool.pool);
  const at = [...series.time, state.time].map((time) => time / 1_000);
  const flat = (value: string) => at.map(() => toPlot(value));
  return (
    <Plot
      label={`Equity of the fund of ${pool.name} in the last hour; now ${shortMoney(pool.fund.equity)} USD`}
      unit="USD"
      height={240}
      data={[at, [...series.fund, toPlot(pool.fund.equity)], flat(pool.fund.target), flat(pool.fund.high)]}
      lines={[
        { name: 'equity', colour: '--plot-1', fill: '--plot-1-soft' },
        { name: 'target now', colour: '--plot-2', dash: [6, 4] },
        { name: 'high now', colour: '--plot-3', dash: [2, 3] },
      ]}
      range={fundRange}
      show={(value) => shortMoney(value.toFixed(2))}
      tick={shortTick}
    />
  );
}

function LiquidatingPlot({ state, pool }: { state: State; pool: Pool }) {
  const series = fundOf(state, pool.pool);
  return (
    <Plot
      label={`Accounts under liquidation in ${pool.name} in the last hour; now ${pool.liquidating}`}
      unit="accounts"
      height={240}
      data={[[...series.time, state.time].map((time) => time / 1_000), [...series.liquidating, pool.liquidating]]}
      lines={[{ name: 'under liquidation', colour: '--plot-4', isStepped: true, fill: '--plot-4-soft' }]}
      range={(_, high) => [0, Math.max(4, Math.ceil(high * 1.1))]}
      show={(value) => value.toFixed(0)}
      tick={(value) => (Number.isInteger(value) ? value.toFixed(0) : '')}
    />
  );
}

function FundFigures({ pool }: { pool: Pool }) {
  const { fund } = pool;
  const ofHigh = ratio(fund.equity, fund.high, 'floor');
  const ofTarget = ratio(fund.equity, fund.target, 'floor');
  const isShort = compare(fund.equity, fund.target) < 0;
  return (
    <Figures>
      <Figure name="Fund equity, USD" note={ofHigh === null ? undefined : `${percent(ofHigh, 1, 'floor')} of its high`}>
        <Usd value={fund.equity} />
      </Figure>
      <Figure
        name="Target, USD"
        note={
          <Badge tone={isShort ? 'warning' : 'ok'}>
            {isShort && ofTarget !== null ? `${percent(ofTarget, 1, 'floor')} there` : 'reached'}
          </Badge>
        }
      >
        <Usd value={fund.target} />
      </Figure>
      <Figure name="High, USD" note="since capital was last added">
        <Usd value={fund.high} />
      </Figure>
      <Figure name="Initial margin, USD" note="what its inventory needs">
        <Usd value={fund.initialMargin} />
      </Figure>
      <Figure
        name="Tranche, USD"
        note={
          <>
            {pool.tranche.providers} providers, <Usd value={pool.tranche.leaving} short /> leaving
          </>
        }
      >
        <Usd value={pool.tranche.amount} />
      </Figure>
      <Figure
        name="Line drawn, USD"
        note={
          <>
            of <Usd value={pool.line.cap} short unit />
          </>
        }
      >
        <Usd value={pool.line.drawn} />
      </Figure>
      <Figure name="Custody, USD" note="settlement money held">
        <Usd value={pool.custody} />
      </Figure>
      <Figure name="Fees, USD" note="collected">
        <Usd value={pool.fees} />
      </Figure>
    </Figures>
  );
}

const of = (event: NodeEvent, field: string) => String(event[field] ?? '0');
const number = (content: ComponentChildren) => <span class="number">{content}</span>;
const when: Column<NodeEvent> = { name: 'Time', cell: ({ time }) => number(clock(time)) };

function account(pool: number, name: string, field: string): Column<NodeEvent> {
  return {
    name,
    cell: (event) => {
      const id = event[field];
      return typeof id === 'number' ? <a href={link.account(pool, id)}>{accountNumber(id)}</a> : 'the layer';
    },
  };
}

function usd(name: string, field: string): Column<NodeEvent> {
  return { name, unit: 'USD', isFigure: true, cell: (event) => <Usd value={of(event, field)} /> };
}

function share(name: string, field: string): Column<NodeEvent> {
  return { name, isFigure: true, cell: (event) => number(percent(of(event, field), 1)) };
}

function EventTable({
  title,
  aside,
  columns,
  events,
  empty,
}: {
  title: string;
  aside: string;
  columns: Column<NodeEvent>[];
  events: NodeEvent[];
  empty: string;
}) {
  return (
    <Card title={title} aside={aside}>
      <Table
        label={title}
        columns={columns}
        rows={events.slice(-NEWEST).reverse()}
        rowKey={({ sequence }) => sequence}
        empty={empty}
        isLong
      />
    </Card>
  );
}

const BID_COLUMNS = (pool: number): Column<Bid>[] => [
  { name: 'Bidder', cell: ({ account: id }) => <a href={link.account(pool, id)}>{accountNumber(id)}</a> },
  { name: 'Premium asked', isFigure: true, cell: ({ premium }) => number(percent(premium)) },
  { name: 'Capacity a block', unit: 'USD', isFigure: true, cell: ({ capacity }) => <Usd value={capacity} /> },
];

export function FundPage({ pool: id }: { pool: number }) {
  const state = useLive();
  const pool = state.pools.find((found) => found.pool === id);
  if (!pool) return <Notice tone="warning">There is no such pool.</Notice>;
  const kind = (wanted: string) => state.notable.events.filter((event) => event.kind === wanted && event.pool === id);
  const losses = state.losses.ledger.events.filter((event) => event.pool === id);
  const known = names(state);
  const left = sum(pool.waterfall.map(({ available }) => available).filter((available) => sign(available) > 0));
  const market: Column<NodeEvent> = { name: 'Market', cell: (event) => known.market(id, Number(event.instrument)) };
  const closed: Column<NodeEvent> = {
    name: 'Closed',
    isFigure: true,
    cell: (event) => <Quantity value={of(event, 'quantity')} />,
  };
  const layer: Column<NodeEvent> = { name: 'Layer', cell: (event) => layerWord(String(event.layer)) };
  return (
    <div class="page">
      <h1>
        Fund and waterfall <span class="of">{pool.name}</span>
        {pool.windingDown && <Badge tone="alarm">winding down</Badge>}
      </h1>
      <FundFigures pool={pool} />
      <div class="grid fund-grid">
        <Card
          title="Waterfall"
          aside={
            <>
              <Usd value={left} short unit /> left, in the order in which it pays
            </>
          }
        >
          <p class="legend">
            <span>
              <i class="swatch left" /> left
            </span>
            <span>
              <i class="swatch gone" /> borne
              {state.losses.since === null ? '' : ` since ${clock(state.losses.since)} UTC`}
            </span>
          </p>
          <Waterfall pool={pool} losses={state.losses} />
        </Card>
        <div class="stack">
          <Card title="Fund" aside="last hour">
            <FundPlot state={state} pool={pool} />
          </Card>
          <Card title="Under liquidation" aside="last hour">
            <LiquidatingPlot state={state} pool={pool} />
          </Card>
        </div>
      </div>
      <div class="grid halves">
        <EventTable
          title="Losses allocated"
          aside="newest first"
          columns={[when, layer, usd('Amount', 'amount'), account(id, 'Of', 'defaulter'), account(id, 'Borne by', 'bearer')]}
          events={losses}
          empty="No loss allocated in what the node keeps."
        />
        <EventTable
          title="Portfolio auctions"
          aside="newest first"
          columns={[
            when,
            account(id, 'Portfolio of', 'account'),
            usd('Notional', 'notional'),
            usd('Equity', 'equity'),
            share('Premium', 'premium'),
            share('Taken', 'taken'),
          ]}
          events={kind('PortfolioAuctioned')}
          empty="No portfolio auction in what the node keeps."
        />
        <EventTable
          title="Auto-deleveraging"
          aside="certificates, newest first"
          columns={[
            when,
            account(id, 'Winner', 'account'),
            market,
            closed,
            usd('Haircut', 'haircut'),
            usd('Gain', 'gain'),
            account(id, 'Against', 'defaulter'),
          ]}
          events={kind('AutoDeleveraged')}
          empty="Nobody was auto-deleveraged in what the node keeps."
        />
        <Card title="Standing bids" aside="premium as a share of initial margin">
          <Table
            label="Standing bids"
            columns={BID_COLUMNS(id)}
            rows={pool.bids}
            rowKey={({ account: bidder }) => bidder}
            empty="No standing bid."
          />
        </Card>
        <Card title="Inventory of the fund" aside="what it took over">
          <Table
            label="Inventory of the fund"
            columns={positionColumns(id)}
            rows={pool.fund.positions}
            rowKey={({ instrument }) => instrument}
            empty="The fund holds no position."
          />
        </Card>
      </div>
    </div>
  );
}
