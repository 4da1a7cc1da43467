// The frame around every page: where you can go, whether the figures are fresh, and alarms spoken aloud.

import { useEffect, useRef, useState } from 'preact/hooks';
import { useLive } from './live';
import { AccountPage } from './pages/account';
import { AccountsPage } from './pages/accounts';
import { FeedsPage } from './pages/feeds';
import { FundPage } from './pages/fund';
import { MarketPage } from './pages/market';
import { MarketsPage } from './pages/markets';
import { OverviewPage } from './pages/overview';
import { SystemPage } from './pages/system';
import { Announcer } from './parts/announcer';
import { Connection } from './parts/connection';
import { Header } from './parts/header';
import { Notice } from './parts/notice';
import { useRoute, type Route } from './route';
import { freshness } from './store';
import { alarms, verdict } from './watch';

const TITLES: Record<Route['page'], string> = {
  overview: 'Overview',
  markets: 'Markets',
  market: 'Market',
  accounts: 'Accounts',
  account: 'Account',
  feeds: 'Feeds',
  feed: 'Feeds',
  fund: 'Fund and waterfall',
  system: 'System',
  unknown: 'Not found',
};

function Page({ route, pool }: { route: Route; pool: number }) {
  switch (route.page) {
    case 'overview':
      return <OverviewPage pool={pool} />;
    case 'markets':
      return <MarketsPage pool={route.pool} />;
    case 'market':
      return <MarketPage key={`${route.pool}/${route.instrument}`} pool={route.pool} instrument={route.instrument} />;
    case 'accounts':
      return <AccountsPage key={route.pool} pool={route.pool} />;
    case 'account':
      return <AccountPage key={`${route.pool}/${route.account}`} pool={route.pool} account={route.account} />;
    case 'feeds':
      return <FeedsPage />;
    case 'feed':
      return <FeedsPage only={route.feed} />;
    case 'fund':
      return <FundPage key={route.pool} pool={route.pool} />;
    case 'system':
      return <SystemPage />;
    case 'unknown':
      return <Notice tone="warning">There is no such page.</Notice>;
  }
}

export function App() {
  const state = useLive();
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  const shown = useRef(route);
  const [chosen, choose] = useState(0);
  const pool = 'pool' in route ? route.pool : chosen;
  const fresh = freshness(state, Date.now());
  const { word, tone } = verdict(fresh, alarms(state));

  useEffect(() => {
    // In a row of tabs the title is all there is to see.
    document.title = `${tone === 'ok' ? '' : `${word} · `}${TITLES[route.page]} · Seawall`;
  }, [route, word]);

  // The pool that a page was about stays the chosen one on pages about all pools.
  useEffect(() => choose(pool), [pool]);

  useEffect(() => {
    // A reader of the screen, or of the keyboard, begins each page at its start.
    if (shown.current !== route) {
      main.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    shown.current = route;
  }, [route]);

  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the figures
      </a>
      <Header route={route} pool={pool} choose={choose} />
      <Connection />
      <Announcer />
      <main id="main" ref={main} tabIndex={-1} class={fresh === 'live' ? '' : 'is-old'} aria-busy={fresh === 'loading'}>
        {fresh === 'loading' && state.pools.length === 0 ? (
          <Notice tone="note">Asking the node.</Notice>
        ) : (
          <Page route={route} pool={pool} />
        )}
      </main>
    </>
  );
}
