import { api } from '../api';
import { magnitude, ratio, sign } from '../decimal';
import { clock, count, moment, money, percent, shortHex } from '../format';
import { useLive, usePolled } from '../live';
import { Price, Quantity, Usd } from '../parts/amount';
import { Badge } from '../parts/badge';
import { Card } from '../parts/card';
import { Events } from '../parts/events';
import { Figure, Figures } from '../parts/figures';
import { ToneIcon } from '../parts/icons';
import { Notice } from '../parts/notice';
import { ordered, StressedRows } from '../parts/rows';
import { positionColumns } from '../parts/positions';
import { Table, type Column } from '../parts/table';
import { link } from '../route';
import type { AccountDetail, Order } from '../types';
import { accountWord, capital, spaced, standingTone } from '../words';

/** How far the account is from a breach: the lowest stressed equity of its maintenance rows. */
function Distance({ account }: { account: AccountDetail }) {
  if (account.standing === 'Closed') return <Notice tone="note">Closed: its losses went beyond its own money, and nothing is left in it.</Notice>;
  const lowest = ordered(account.rows).find(({ maintenance }) => maintenance !== null);
  if (!lowest || lowest.maintenance === null) return <Notice tone="ok">No maintenance row: nothing can breach.</Notice>;
  const value = lowest.maintenance;
  const isBreach = sign(value) < 0;
  if (account.standing === 'Liquidating' && !isBreach) {
    return (
      <div class="distance tone-warning">
        <ToneIcon tone="warning" />
        <p>
          <strong>Under liquidation until it reaches its target</strong>
          <span>
            {money(value)} USD above a breach, in the row “{lowest.name}”
          </span>
        </p>
      </div>
    );
  }
  const share = ratio(magnitude(value), account.notional, isBreach ? 'ceil' : 'floor');
  return (
    <div class={`distance tone-${isBreach ? 'alarm' : 'ok'}`}>
      <ToneIcon tone={isBreach ? 'alarm' : 'ok'} />
      <p>
        <strong>{isBreach ? `In breach by ${money(magnitude(value))} USD` : `${money(value)} USD from a breach`}</strong>
        <span>
          {share !== null && `${percent(share, 2, isBreach ? 'ceil' : 'floor')} of notional, `}in the row “{lowest.name}”
        </span>
      </p>
    </div>
  );
}

const ORDER_COLUMNS: Column<Order>[] = [
  { name: 'Order', isFigure: true, cell: ({ number }) => <span class="number">{count(number)}</span> },
  { name: 'Market', cell: ({ name }) => name },
  { name: 'Side', cell: ({ side }) => side },
  { name: 'Quantity', isFigure: true, cell: ({ quantity }) => <Quantity value={quantity} /> },
  { name: 'Limit', unit: 'USD', isFigure: true, cell: ({ limit }) => <Price value={limit} /> },
  { name: 'Reduce only', cell: ({ reduceOnly }) => (reduceOnly ? 'yes' : 'no') },
  { name: 'Lives', cell: ({ lifetime, until }) => (until === null ? spaced(lifetime) : `until ${moment(until)} UTC`) },
];

function AccountFigures({ account }: { account: AccountDetail }) {
  return (
    <Figures>
      <Figure name="Equity, USD" note={`cash ${money(account.cash)}`}>
        <Usd value={account.equity} />
      </Figure>
      <Figure
        name="Maintenance margin, USD"
        note={account.marginRatio === null ? 'no equity to compare with' : `${percent(account.marginRatio, 2, 'ceil')} of equity`}
      >
        <Usd value={account.maintenanceMargin} />
      </Figure>
      <Figure name="Initial margin, USD" note="what new risk needs">
        <Usd value={account.initialMargin} />
      </Figure>
      <Figure name="Free collateral, USD" note="equity above initial margin">
        <Usd value={account.freeCollateral} />
      </Figure>
      <Figure name="Notional, USD" note={`positions ${count(account.positions.length)}, orders ${count(account.orders.length)}`}>
        <Usd value={account.notional} />
      </Figure>
      <Figure name="Loan, USD" note="owed against collateral">
        <Usd value={account.loan} />
      </Figure>
    </Figures>
  );
}

export function AccountPage({ pool, account: id }: { pool: number; account: number }) {
  const state = useLive();
  const { data, failure } = usePolled(`account/${pool}/${id}`, 1_000, (signal) => api.account(pool, id, signal));
  const account = data?.account;
  const involved = state.log.events.filter(
    (event) => event.pool === pool && [event.account, event.defaulter, event.bearer].includes(id),
  );
  return (
    <div class="page">
      <p class="crumbs">
        <a href={link.accounts(pool)}>Accounts</a>
      </p>
      <h1>
        {capital(accountWord(id))} <span class="of">{state.pools.find((found) => found.pool === pool)?.name}</span>{' '}
        {account && <Badge tone={standingTone(account.standing)}>{account.standing.toLowerCase()}</Badge>}
      </h1>
      {failure && <Notice tone="warning">{capital(failure)}</Notice>}
      {!account && !failure && <Notice tone="note">Asking the node.</Notice>}
      {account && (
        <>
          <Distance account={account} />
          <AccountFigures account={account} />
          <Card
            title="Stressed equity"
            aside={`what the account would be worth in each row, after block ${count(data.height)} at ${clock(data.time)} UTC`}
          >
            <p class="legend">
              <span>
                <i class="swatch maintenance" /> maintenance
              </span>
              <span>
                <i class="swatch initial" /> initial
              </span>
              <span>
                <i class="swatch is-below" /> below zero; in a maintenance row: breach
              </span>
            </p>
            <StressedRows rows={account.rows} />
          </Card>
          <div class="grid halves">
            <Card title="Positions">
              <Table
                label="Positions"
                columns={positionColumns(pool)}
                rows={account.positions}
                rowKey={({ instrument }) => instrument}
                empty="No position."
              />
            </Card>
            <Card title="Open orders">
              <Table
                label="Open orders"
                columns={ORDER_COLUMNS}
                rows={account.orders}
                rowKey={({ number }) => number}
                empty="No open order."
              />
            </Card>
          </div>
          <Card title="What happened to it" aside="newest first, of the events kept on this page">
            <Events events={involved.slice(-40).reverse()} label="Events of the account" empty="Nothing yet." />
          </Card>
          <p class="note">
            Owner{' '}
            <span class="number" title={account.owner}>
              {shortHex(account.owner)}
            </span>
            {account.bid && (
              <>
                , bids for portfolios: premium {percent(account.bid.premium)} of initial margin, up to{' '}
                {money(account.bid.capacity)} USD a block
              </>
            )}
          </p>
        </>
      )}
    </div>
  );
}
