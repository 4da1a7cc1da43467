// Requests to the node, same origin only.

import type {
  AccountDetail,
  AccountSummary,
  At,
  Block,
  Book,
  EventPage,
  Feed,
  Market,
  Pool,
  PoolPoint,
  PricePoint,
  Status,
} from './types';

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const answer = await fetch(path, signal ? { signal } : {});
  if (answer.ok) return (await answer.json()) as T;
  const body = (await answer.json().catch(() => null)) as { error?: { message?: string } } | null;
  throw new ApiError(answer.status, body?.error?.message ?? `the node answered ${answer.status}`);
}

function query(values: Record<string, string | number | null | undefined>): string {
  const pairs = Object.entries(values).filter(([, value]) => value !== undefined && value !== null);
  return pairs.length ? `?${pairs.map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`).join('&')}` : '';
}

export type AccountOrder = 'id' | 'risk';
export type AccountPage = At & { accounts: AccountSummary[]; next: number | null };

export const api = {
  status: (signal?: AbortSignal) => get<Status>('/v1/status', signal),
  pools: () => get<At & { pools: Pool[] }>('/v1/pools'),
  markets: (pool: number) => get<At & { markets: Market[] }>(`/v1/pools/${pool}/markets`),
  feeds: () => get<At & { feeds: Feed[] }>('/v1/feeds'),
  book: (pool: number, instrument: number, signal?: AbortSignal) =>
    get<Book>(`/v1/pools/${pool}/markets/${instrument}/book`, signal),
  accounts: (pool: number, order: AccountOrder, after: number | null, limit: number, signal?: AbortSignal) =>
    get<AccountPage>(`/v1/pools/${pool}/accounts${query({ order, after, limit })}`, signal),
  account: (pool: number, account: number, signal?: AbortSignal) =>
    get<At & { account: AccountDetail }>(`/v1/pools/${pool}/accounts/${account}`, signal),
  blocks: (limit: number, signal?: AbortSignal) => get<{ blocks: Block[] }>(`/v1/blocks${query({ limit })}`, signal),
  /** The newest events, or those after a sequence number. */
  events: (limit: number, kinds?: Iterable<string>, after?: number) =>
    get<EventPage>(`/v1/events${query({ limit, after, kinds: kinds && [...kinds].join(',') })}`),
  priceHistory: (feed: number) => get<{ points: PricePoint[] }>(`/v1/history/prices${query({ feed, points: 600 })}`),
  poolHistory: (pool: number) => get<{ points: PoolPoint[] }>(`/v1/history/pools${query({ pool, points: 600 })}`),
};

/** Where the stream goes on after the events before `next`. */
export function streamUrl(next: number): string {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  return `${scheme}://${location.host}/v1/stream${query({ after: next > 0 ? next - 1 : undefined })}`;
}
