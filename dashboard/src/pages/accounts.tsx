import { useState } from 'preact/hooks';
import { api, type AccountOrder } from '../api';
import { compare, toPlot } from '../decimal';
import { clock, count, percent } from '../format';
import { useLive, usePolled } from '../live';
import { Usd } from '../parts/amount';
import { Badge } from '../parts/badge';
import { Card } from '../parts/card';
import { Meter } from '../parts/meter';
import { Notice } from '../parts/notice';
import { Table, type Column } from '../parts/table';
import { link } from '../route';
import type { AccountSummary } from '../types';
import { accountNumber, standingTone, type Tone } from '../words';

const PAGE = 50;
/** A margin ratio from here on is marked. */
const NEAR = '0.8';

function ratioTone({ marginRatio, standing }: AccountSummary): Tone {
  if (standing === 'Liquidating' || marginRatio === null) return 'alarm';
  return compare(marginRatio, NEAR) >= 0 ? 'warning' : 'ok';
}

function MarginRatio({ account }: { account: AccountSummary }) {
  const { marginRatio } = account;
  const text = marginRatio === null ? (account.positions === 0 ? 'no risk' : 'no equity') : percent(marginRatio, 1, 'ceil');
  const isIdle = marginRatio === null && account.positions === 0;
  return (
    <span class="with-meter">
      <span class="number">{text}</span>
      <Meter
        share={isIdle ? 0 : marginRatio === null ? 1 : toPlot(marginRatio)}
        tone={isIdle ? 'ok' : ratioTone(account)}
        label={`margin ratio ${text}`}
      />
    </span>
  );
}

function columnsFor(pool: number): Column<AccountSummary>[] {
  return [
    { name: 'Account', cell: ({ account }) => <a href={link.account(pool, account)}>{accountNumber(account)}</a> },
    { name: 'Standing', cell: ({ standing }) => <Badge tone={standingTone(standing)}>{standing.toLowerCase()}</Badge> },
    { name: 'Margin ratio', isFigure: true, cell: (account) => <MarginRatio account={account} /> },
    { name: 'Equity', unit: 'USD', isFigure: true, cell: ({ equity }) => <Usd value={equity} /> },
    {
      name: 'Maintenance margin',
      unit: 'USD',
      isFigure: true,
      cell: ({ maintenanceMargin }) => <Usd value={maintenanceMargin} />,
    },
    { name: 'Free collateral', unit: 'USD', isFigure: true, cell: ({ freeCollateral }) => <Usd value={freeCollateral} /> },
    { name: 'Notional', unit: 'USD', isFigure: true, cell: ({ notional }) => <Usd value={notional} /> },
    { name: 'Positions', isFigure: true, cell: ({ positions }) => <span class="number">{count(positions)}</span> },
    { name: 'Orders', isFigure: true, cell: ({ orders }) => <span class="number">{count(orders)}</span> },
  ];
}

function Find({ pool }: { pool: number }) {
  const [text, setText] = useState('');
  return (
    <form
      class="find"
      onSubmit={(event) => {
        event.preventDefault();
        if (/^\d+$/.test(text)) location.hash = link.account(pool, Number(text));
      }}
    >
      <label>
        Account{' '}
        <input
          inputMode="numeric"
          pattern="\d+"
          value={text}
          size={8}
          placeholder="number"
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <button type="submit">Show</button>
    </form>
  );
}

/** The accounts of a pool, page by page. */
export function AccountsPage({ pool }: { pool: number }) {
  const state = useLive();
  const [order, setOrder] = useState<AccountOrder>('risk');
  const [starts, setStarts] = useState<(number | null)[]>([null]);
  const after = starts.at(-1) ?? null;
  const { data, failure } = usePolled(`accounts/${pool}/${order}/${after}`, 2_000, (signal) =>
    api.accounts(pool, order, after, PAGE, signal),
  );
  const known = state.pools.find((found) => found.pool === pool);
  const choose = (to: AccountOrder) => {
    setOrder(to);
    setStarts([null]);
  };
  return (
    <div class="page">
      <h1>
        Accounts <span class="of">{known?.name ?? `pool ${pool}`}</span>
      </h1>
      <div class="controls">
        <div class="choice" role="radiogroup" aria-label="Order">
          {(['risk', 'id'] as const).map((entry) => (
            <label key={entry}>
              <input type="radio" name="order" checked={order === entry} onChange={() => choose(entry)} />
              <span>{entry === 'risk' ? 'nearest to a breach first' : 'by number'}</span>
            </label>
          ))}
        </div>
        <Find pool={pool} />
      </div>
      <Card
        title={known ? `${count(known.accounts)} accounts, ${count(known.liquidating)} under liquidation` : 'Accounts'}
        aside={data ? `after block ${count(data.height)} at ${clock(data.time)} UTC` : 'asking the node'}
      >
        {failure && <Notice tone="warning">{failure}</Notice>}
        <Table
          label="Accounts"
          columns={columnsFor(pool)}
          rows={data?.accounts ?? []}
          rowKey={({ account }) => account}
          rowClass={({ standing }) => (standing === 'Liquidating' ? 'is-breach' : '')}
          empty={data ? 'No account.' : 'Asking the node.'}
        />
        <p class="pager">
          <button type="button" disabled={starts.length === 1} onClick={() => setStarts(starts.slice(0, -1))}>
            Previous
          </button>
          <span class="number">page {starts.length}</span>
          <button
            type="button"
            disabled={data === null || data.next === null}
            onClick={() => data && data.next !== null && setStarts([...starts, data.next])}
          >
            Next
          </button>
        </p>
      </Card>
    </div>
  );
}
