// What the node's API answers. Decimals are strings: they stay exact until they are drawn.

export type Decimal = string;

export interface At {
  height: number;
  time: number;
}

export interface Position {
  instrument: number;
  name: string;
  quantity: Decimal;
  entryPrice: Decimal;
  markPrice: Decimal;
  notional: Decimal;
  unrealisedPnl: Decimal;
}

export interface Bid {
  account: number;
  premium: Decimal;
  capacity: Decimal;
}

export interface Pool {
  pool: number;
  name: string;
  accounts: number;
  openNotional: Decimal;
  liquidating: number;
  carried: number;
  windingDown: boolean;
  custody: Decimal;
  fees: Decimal;
  fund: { equity: Decimal; initialMargin: Decimal; target: Decimal; high: Decimal; positions: Position[] };
  ownCapital: Decimal;
  tranche: { amount: Decimal; leaving: Decimal; providers: number };
  line: { cap: Decimal; drawn: Decimal };
  waterfall: { layer: string; available: Decimal }[];
  bids: Bid[];
  fundingIntervalMs: number;
  fundingNextAt: number;
}

export interface Market {
  instrument: number;
  name: string;
  kind: 'perpetual' | 'dated' | 'spot';
  expiry: number | null;
  feed: number;
  feedName: string;
  lotSize: Decimal;
  markPrice: Decimal;
  indexPrice: Decimal;
  slowPrice: Decimal;
  doubt: Decimal;
  fundingRate: Decimal | null;
  openInterest: Decimal;
  openNotional: Decimal;
  initialStress: Decimal;
  maintenanceStress: Decimal;
  rawStress: Decimal;
  band: { low: Decimal; high: Decimal };
  breaker: { level: string; cause: string; since: number; callUntil: number | null };
  bestBid: Decimal | null;
  bestAsk: Decimal | null;
  lastPrice: Decimal | null;
  lastQuantity: Decimal | null;
  settled: Decimal | null;
}

export type PoolMarket = Market & { pool: number };

export interface Book extends At {
  instrument: number;
  bids: [Decimal, Decimal][];
  asks: [Decimal, Decimal][];
  auction: { height: number; price: Decimal; quantity: Decimal } | null;
}

export interface AccountSummary {
  account: number;
  owner: string;
  standing: string;
  equity: Decimal;
  initialMargin: Decimal;
  maintenanceMargin: Decimal;
  freeCollateral: Decimal;
  marginRatio: Decimal | null;
  notional: Decimal;
  positions: number;
  orders: number;
}

export interface Order {
  number: number;
  instrument: number;
  name: string;
  side: 'buy' | 'sell';
  quantity: Decimal;
  limit: Decimal;
  reduceOnly: boolean;
  lifetime: string;
  until: number | null;
}

export interface Row {
  name: string;
  initial: Decimal | null;
  maintenance: Decimal | null;
}

export type AccountDetail = Omit<AccountSummary, 'positions' | 'orders'> & {
  cash: Decimal;
  loan: Decimal;
  positions: Position[];
  orders: Order[];
  rows: Row[];
  worst: { initial: string | null; maintenance: string | null };
  bid: Bid | null;
};

export interface Publisher {
  key: string;
  name: string | null;
  source: number;
  weight: number;
  price: Decimal | null;
  confidence: Decimal | null;
  publishedAt: number | null;
  counts: boolean;
  penalty: Decimal;
  transfersSuspended: boolean;
}

export interface Feed {
  feed: number;
  name: string;
  condition: string;
  indexPrice: Decimal;
  confidence: Decimal;
  slowPrice: Decimal;
  volatilityADay: Decimal;
  publishers: Publisher[];
}

export interface Status extends At {
  network: string;
  chainId: number;
  version: string;
  mode: string;
  blockIntervalMs: number;
  uptimeMs: number;
  stateRoot: string;
  intake: {
    waiting: number;
    capacity: number;
    urgentWaiting: number;
    urgentCapacity: number;
    accepted: number;
    refused: number;
    busy: number;
  };
  lastBlock: { commands: number; rejections: number; refusals: number; applyMs: number };
  blockMs: { p50: number; p99: number; max: number };
  commandsPerSecond: number;
}

export interface Block extends At {
  stateRoot: string;
  commands: number;
  rejections: number;
  events: number;
  applyMs: number;
}

/** An event of any kind: the four fields that every event has, and those of its kind. */
export interface NodeEvent extends At {
  sequence: number;
  kind: string;
  [field: string]: unknown;
}

export interface EventPage {
  events: NodeEvent[];
  first: number;
  next: number;
}

export type PricePoint = [time: number, index: Decimal, slow: Decimal, confidence: Decimal];
export type PoolPoint = [time: number, fundEquity: Decimal, liquidating: number, openNotional: Decimal];

export interface BlockMessage extends At {
  type: 'block';
  stateRoot: string;
  commands: number;
  applyMs: number;
  /** The sequence number of the next event to come. */
  events?: number;
  pools: Pool[];
  markets: PoolMarket[];
  feeds: Feed[];
}

export type StreamMessage = BlockMessage | { type: 'event'; event: NodeEvent } | { type: 'gap'; first: number };
