import { percent, signedPercent } from '../format';
import { useLive } from '../live';
import { Change, Price, Usd } from '../parts/amount';
import { Badge } from '../parts/badge';
import { Card } from '../parts/card';
import { Spark } from '../parts/spark';
import { Table, type Column } from '../parts/table';
import { link } from '../route';
import { pricesOf } from '../store';
import { moves, type Move } from '../watch';
import { breakerTone, breakerWord, capital } from '../words';

/** Every market of a pool. */
export function MarketsPage({ pool }: { pool: number }) {
  const state = useLive();
  const name = state.pools.find((found) => found.pool === pool)?.name ?? `pool ${pool}`;
  const rows = moves(state)
    .filter(({ market }) => market.pool === pool)
    .sort((left, right) => left.market.instrument - right.market.instrument);
  const columns: Column<Move>[] = [
    { name: 'Market', cell: ({ market }) => <a href={link.market(pool, market.instrument)}>{market.name}</a> },
    { name: 'Change', isFigure: true, cell: ({ change }) => <Change value={change} /> },
    {
      name: 'Breaker',
      cell: ({ market }) => <Badge tone={breakerTone(market.breaker.level)}>{breakerWord(market.breaker.level)}</Badge>,
    },
    { name: 'Mark', unit: 'USD', isFigure: true, cell: ({ market }) => <Price value={market.markPrice} /> },
    {
      name: 'Last hour',
      cell: ({ market }) => (
        <Spark values={pricesOf(state, market.feed).index} label={`Index of ${market.feedName} in the last hour`} />
      ),
    },
    { name: 'Index', unit: 'USD', isFigure: true, cell: ({ market }) => <Price value={market.indexPrice} /> },
    {
      name: 'Initial stress',
      isFigure: true,
      cell: ({ market }) => <span class="number">{percent(market.initialStress, 1)}</span>,
    },
    {
      name: 'Maintenance stress',
      isFigure: true,
      cell: ({ market }) => <span class="number">{percent(market.maintenanceStress, 1)}</span>,
    },
    {
      name: 'Funding',
      isFigure: true,
      cell: ({ market }) => (
        <span class="number">{market.fundingRate === null ? '–' : signedPercent(market.fundingRate, 4)}</span>
      ),
    },
    { name: 'Open notional', unit: 'USD', isFigure: true, cell: ({ market }) => <Usd value={market.openNotional} short /> },
    { name: 'Kind', cell: ({ market }) => capital(market.kind) },
  ];
  return (
    <div class="page">
      <h1>
        Markets <span class="of">{name}</span>
      </h1>
      <Card title="All markets" aside="change of the index over the last hour">
        <Table
          label="Markets"
          columns={columns}
          rows={rows}
          rowKey={({ market }) => market.instrument}
          empty="No market in this pool."
        />
      </Card>
    </div>
  );
}
