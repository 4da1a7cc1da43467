// One page that answers at a glance: are we safe, what falls, who is liquidated, what is left, which feed lies, which breaker is on.

import { compare, ratio, sign, sum } from '../decimal';
import { clock, count, percent, shortMoney } from '../format';
import { api } from '../api';
import { useLive, usePolled } from '../live';
import { borneInAll } from '../losses';
import { Change, Deviation, Price, Usd } from '../parts/amount';
import { Alarms } from '../parts/alarms';
import { Badge } from '../parts/badge';
import { Card } from '../parts/card';
import { Events } from '../parts/events';
import { ToneIcon } from '../parts/icons';
import { Notice } from '../parts/notice';
import { Spark } from '../parts/spark';
import { Table, type Column } from '../parts/table';
import { Tile } from '../parts/tile';
import { Waterfall } from '../parts/waterfall';
import { link } from '../route';
import { freshness, fundOf, pricesOf, type State } from '../store';
import type { AccountSummary, Pool, PoolMarket } from '../types';
import { alarms, deviation, doubtful, moves, publisherName, verdict, type Doubtful, type Move } from '../watch';
import { accountNumber, breakerTone, breakerWord, capital, conditionTone, LADDER, standingTone, type Tone } from '../words';

const NEWEST = 14;
const RISKIEST = 8;

function Verdict({ state }: { state: State }) {
  const found = alarms(state);
  const said = verdict(freshness(state, Date.now()), found);
  return (
    <section class={`verdict tone-${said.tone}`} aria-label="Are we safe?">
      <div class="word">
        <ToneIcon tone={said.tone} />
        <h1>{said.word}</h1>
        <p>{capital(said.means)}.</p>
      </div>
      {found.length > 0 && <Alarms found={found} />}
    </section>
  );
}

function worst(tones: Tone[]): Tone {
  return (['alarm', 'warning', 'note'] as const).find((tone) => tones.includes(tone)) ?? 'ok';
}

function FallingTile({ falls }: { falls: Move[] }) {
  const deepest = falls[0];
  const change = deepest?.change ?? null;
  const isFalling = change !== null && compare(change, '-0.02') < 0;
  const fallen = falls.filter((move) => move.change !== null && compare(move.change, '-0.02') < 0).length;
  return (
    <Tile
      question="What is falling?"
      href={deepest ? link.market(deepest.market.pool, deepest.market.instrument) : link.markets(0)}
      tone={change !== null && compare(change, '-0.1') < 0 ? 'alarm' : isFalling ? 'warning' : 'ok'}
      figure={
        isFalling && deepest ? (
          <>
            {deepest.market.name} <Change value={change} places={1} />
          </>
        ) : (
          'nothing'
        )
      }
      note={isFalling ? `${fallen} of ${falls.length} markets down more than 2 %` : 'no market down more than 2 %'}
    />
  );
}

function LiquidatingTile({ state }: { state: State }) {
  const now = state.pools.reduce((total, { liquidating }) => total + liquidating, 0);
  const carried = state.pools.reduce((total, pool) => total + pool.carried, 0);
  const series = state.pools.map(({ pool }) => fundOf(state, pool).liquidating);
  const total = series[0]?.map((_, at) => series.reduce((all, values) => all + (values[at] ?? 0), 0)) ?? [];
  return (
    <Tile
      question="Who is being liquidated?"
      href={link.accounts(state.pools.find(({ liquidating }) => liquidating > 0)?.pool ?? 0)}
      tone={carried > 0 ? 'alarm' : now > 0 ? 'warning' : 'ok'}
      figure={now === 1 ? '1 account' : `${count(now)} accounts`}
      note={carried > 0 ? `${count(carried)} carried to the next block` : 'none carried to the next block'}
      spark={<Spark values={total} fromZero label="Accounts under liquidation in the last hour" />}
    />
  );
}

function FundTile({ state }: { state: State }) {
  const ofHigh = ({ fund }: Pool) => ratio(fund.equity, fund.high, 'floor') ?? '1';
  const [lowest] = [...state.pools].sort((left, right) => compare(ofHigh(left), ofHigh(right)));
  if (!lowest) return null;
  const isMany = state.pools.length > 1;
  const tone: Tone = sign(lowest.fund.equity) <= 0 ? 'alarm' : compare(ofHigh(lowest), '0.9') <= 0 ? 'warning' : 'ok';
  const share = `${percent(ofHigh(lowest), 1, 'floor')} of its high`;
  return (
    <Tile
      question={isMany ? 'What is left in the funds?' : 'What is left in the fund?'}
      href={link.fund(lowest.pool)}
      tone={tone}
      figure={<Usd value={sum(state.pools.map(({ fund }) => fund.equity))} short unit />}
      note={isMany ? `lowest: ${lowest.name}, ${share}` : share}
      spark={<Spark values={fundOf(state, lowest.pool).fund} fromZero label={`Fund of ${lowest.name} in the last hour`} />}
    />
  );
}

function FeedsTile({ state, found }: { state: State; found: Doubtful[] }) {
  const tones = state.feeds.map(({ condition }) => conditionTone(condition));
  const bad = state.feeds.filter(({ condition }) => condition !== 'Live');
  const first = found[0];
  return (
    <Tile
      question="Which feed is lying?"
      href={first ? link.feed(first.feed.feed) : link.feeds()}
      tone={worst([...tones, found.length > 0 ? 'warning' : 'ok'])}
      figure={
        bad.length > 0
          ? bad.map(({ name, condition }) => `${name} ${condition.toLowerCase()}`).join(', ')
          : found.length > 0
            ? 'a publisher'
            : 'none'
      }
      note={
        found.length > 0 && first
          ? `${publisherName(first.publisher)}${found.length > 1 ? ` and ${found.length - 1} more` : ''} in doubt`
          : `all ${state.feeds.length} live, no publisher in doubt`
      }
    />
  );
}

function BreakersTile({ state }: { state: State }) {
  const step = ({ breaker }: PoolMarket) => LADDER.findIndex(({ level }) => level === breaker.level);
  const on = state.markets.filter(({ breaker }) => breaker.level !== 'Normal').sort((left, right) => step(right) - step(left));
  const hardest = on[0];
  return (
    <Tile
      question="Which breaker is on?"
      href={hardest ? link.market(hardest.pool, hardest.instrument) : link.markets(0)}
      tone={hardest ? breakerTone(hardest.breaker.level) : 'ok'}
      figure={hardest ? `${hardest.name} ${breakerWord(hardest.breaker.level)}` : 'none'}
      note={`${on.length} of ${state.markets.length} markets not normal`}
    />
  );
}

function LossTile({ state }: { state: State }) {
  const total = borneInAll(state.losses);
  const isAny = sign(total) > 0;
  const deep = [...state.losses.totals.keys()].some((key) => !/OwnCapital|Fund/.test(key));
  return (
    <Tile
      question="Who paid for losses?"
      href={link.fund(Number([...state.losses.totals.keys()][0]?.split('/')[0] ?? 0))}
      tone={deep ? 'alarm' : isAny ? 'warning' : 'ok'}
      figure={isAny ? <Usd value={total} short unit /> : 'nobody'}
      note={isAny && state.losses.since !== null ? `allocated since ${clock(state.losses.since)} UTC` : 'no loss allocated'}
    />
  );
}

function MarketsCard({ state, falls }: { state: State; falls: Move[] }) {
  const since = falls.find((move) => move.since !== null)?.since;
  const columns: Column<Move>[] = [
    { name: 'Market', cell: ({ market }) => <a href={link.market(market.pool, market.instrument)}>{market.name}</a> },
    { name: 'Mark', unit: 'USD', isFigure: true, isWide: true, cell: ({ market }) => <Price value={market.markPrice} /> },
    { name: 'Change', isFigure: true, cell: ({ change }) => <Change value={change} /> },
    {
      name: 'Breaker',
      cell: ({ market }) => <Badge tone={breakerTone(market.breaker.level)}>{breakerWord(market.breaker.level)}</Badge>,
    },
    {
      name: 'Last hour',
      isWide: true,
      cell: ({ market }) => (
        <Spark values={pricesOf(state, market.feed).index} label={`Index of ${market.feedName} in the last hour`} />
      ),
    },
    {
      name: 'Initial stress',
      isFigure: true,
      isWide: true,
      cell: ({ market }) => <span class="number">{percent(market.initialStress, 1)}</span>,
    },
    {
      name: 'Open notional',
      unit: 'USD',
      isFigure: true,
      isWide: true,
      cell: ({ market }) => <Usd value={market.openNotional} short />,
    },
  ];
  return (
    <Card title="Markets, deepest fall first" aside={since ? `index since ${clock(since)} UTC` : 'no history yet'}>
      <Table
        label="Markets"
        columns={columns}
        rows={falls}
        rowKey={({ market }) => `${market.pool}/${market.instrument}`}
        empty="No market."
      />
    </Card>
  );
}

function AccountsCard({ pool, name }: { pool: number; name: string }) {
  const { data, failure } = usePolled(`risk/${pool}`, 2_000, (signal) => api.accounts(pool, 'risk', null, RISKIEST, signal));
  const columns: Column<AccountSummary>[] = [
    { name: 'Account', cell: ({ account }) => <a href={link.account(pool, account)}>{accountNumber(account)}</a> },
    { name: 'Standing', cell: ({ standing }) => <Badge tone={standingTone(standing)}>{standing.toLowerCase()}</Badge> },
    { name: 'Equity', unit: 'USD', isFigure: true, cell: ({ equity }) => <Usd value={equity} short /> },
    { name: 'Notional', unit: 'USD', isFigure: true, isWide: true, cell: ({ notional }) => <Usd value={notional} short /> },
    {
      name: 'Margin ratio',
      isFigure: true,
      cell: ({ marginRatio }) => (
        <span class="number">{marginRatio === null ? 'no equity' : percent(marginRatio, 1, 'ceil')}</span>
      ),
    },
  ];
  return (
    <Card title="Accounts nearest to a breach" aside={name} href={link.accounts(pool)}>
      {failure && <Notice tone="warning">{failure}</Notice>}
      <Table
        label={`Accounts of ${name} by risk`}
        columns={columns}
        rows={data?.accounts ?? []}
        rowKey={({ account }) => account}
        empty={data ? 'No account.' : 'Asking the node.'}
      />
    </Card>
  );
}

function PublishersCard({ found }: { found: Doubtful[] }) {
  const columns: Column<Doubtful>[] = [
    {
      name: 'Publisher',
      wraps: true,
      cell: ({ feed, publisher }) => (
        <>
          <a href={link.feed(feed.feed)}>{publisherName(publisher)}</a> <span class="note">{feed.name}</span>
        </>
      ),
    },
    {
      name: 'Off the index',
      isFigure: true,
      cell: ({ feed, publisher }) => <Deviation value={deviation(feed, publisher)} places={2} />,
    },
    {
      name: 'Why',
      wraps: true,
      cell: ({ publisher, reasons }) => (
        <Badge tone={publisher.counts ? 'warning' : 'alarm'}>
          {reasons.join(', ')}
          {publisher.counts ? '' : '; does not count'}
        </Badge>
      ),
    },
  ];
  return (
    <Card title="Publishers in doubt" aside="furthest from the index first" href={link.feeds()}>
      <Table
        label="Publishers in doubt"
        columns={columns}
        rows={found.slice(0, 8)}
        rowKey={({ feed, publisher }) => `${feed.feed}/${publisher.key}`}
        empty="Every publisher counts in full."
      />
    </Card>
  );
}

/** Verdict, questions and markets are about every pool; waterfall and accounts about the chosen one. */
export function OverviewPage({ pool: chosen }: { pool: number }) {
  const state = useLive();
  const falls = moves(state);
  const found = doubtful(state);
  const pool = state.pools.find((found) => found.pool === chosen) ?? state.pools[0];
  const open = sum(state.pools.map(({ openNotional }) => openNotional));
  return (
    <div class="page overview">
      <Verdict state={state} />
      <div class="tiles">
        <FallingTile falls={falls} />
        <LiquidatingTile state={state} />
        <FundTile state={state} />
        <LossTile state={state} />
        <FeedsTile state={state} found={found} />
        <BreakersTile state={state} />
      </div>
      <div class="grid">
        <MarketsCard state={state} falls={falls} />
        {pool && (
          <Card
            title="What stands behind losses"
            aside={`${pool.name}, in the order in which it pays`}
            href={link.fund(pool.pool)}
          >
            <Waterfall pool={pool} losses={state.losses} brief />
            <p class="note">Open notional of all pools {shortMoney(open)} USD.</p>
          </Card>
        )}
        {pool && <AccountsCard key={pool.pool} pool={pool.pool} name={pool.name} />}
        <PublishersCard found={found} />
        <Card title="What happened" aside="newest first" href={link.system()} class="full">
          <Events
            events={state.notable.events.slice(-NEWEST).reverse()}
            label="Newest events"
            empty="Nothing notable in what the node keeps."
          />
        </Card>
      </div>
    </div>
  );
}
