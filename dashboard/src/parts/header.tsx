import { useState } from 'preact/hooks';
import { useLive } from '../live';
import { link, type Route } from '../route';
import { applyTheme, nextTheme, storedTheme, type Theme } from '../theme';
import { capital } from '../words';
import { Logo } from './icons';

const THEME_WORD: Record<Theme, string> = { system: 'as the system', light: 'light', dark: 'dark' };

function ThemeSwitch() {
  const [theme, setTheme] = useState(storedTheme);
  const next = nextTheme(theme);
  return (
    <button
      type="button"
      class="quiet theme"
      title={`Colours: ${THEME_WORD[theme]}. Next: ${THEME_WORD[next]}`}
      aria-label={`Colours: ${THEME_WORD[theme]}. Change to ${THEME_WORD[next]}`}
      onClick={() => {
        applyTheme(next);
        setTheme(next);
      }}
    >
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        <circle cx="8" cy="8" r="6.5" fill="none" stroke="currentColor" stroke-width="1.5" />
        <path d="M8 1.500a6.500 6.5 0 0 1 0 13z" fill="currentColor" />
      </svg>
      <span class="wide">{theme === 'system' ? 'Auto' : capital(theme)}</span>
    </button>
  );
}

interface PoolChoice {
  route: Route;
  pool: number;
  choose: (pool: number) => void;
}

/** Pages of one pool go to the same page of the other; the rest stays where it is. */
function PoolSwitch({ route, pool, choose }: PoolChoice) {
  const { pools } = useLive();
  if (pools.length < 2) return null;
  const go = (to: number) => {
    choose(to);
    if (route.page.startsWith('market')) location.hash = link.markets(to);
    if (route.page.startsWith('account')) location.hash = link.accounts(to);
    if (route.page === 'fund') location.hash = link.fund(to);
  };
  return (
    <label class="pool-switch">
      <span>Pool</span>
      <select value={pool} onChange={(event) => go(Number(event.currentTarget.value))}>
        {pools.map(({ pool: id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

export function Header({ route, pool, choose }: PoolChoice) {
  const entries: [string, string, boolean][] = [
    ['Overview', link.overview(), route.page === 'overview'],
    ['Markets', link.markets(pool), route.page.startsWith('market')],
    ['Accounts', link.accounts(pool), route.page.startsWith('account')],
    ['Feeds', link.feeds(), route.page.startsWith('feed')],
    ['Fund', link.fund(pool), route.page === 'fund'],
    ['System', link.system(), route.page === 'system'],
  ];
  return (
    <header class="top">
      <a class="brand" href={link.overview()}>
        <Logo />
        <span>Seawall</span>
      </a>
      <nav aria-label="Pages">
        <ul>
          {entries.map(([name, href, isCurrent]) => (
            <li key={name}>
              <a href={href} aria-current={isCurrent ? 'page' : undefined}>
                {name}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <div class="tools">
        <PoolSwitch route={route} pool={pool} choose={choose} />
        <ThemeSwitch />
      </div>
    </header>
  );
}
