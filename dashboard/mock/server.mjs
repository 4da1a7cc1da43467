// A node that is none: serves dist/ and every endpoint that the page reads, from a fake world. For tests and for looking.
//   node mock/server.mjs [calm|crash] [port]

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { hex, decimal } from './text.mjs';
import { createWorld } from './world.mjs';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const BLOCK_MS = 500;
const MOST = 1_000;

class NotFound extends Error {}

function found(value, what) {
  if (value === undefined) throw new NotFound(`there is no such ${what}`);
  return value;
}

function ranked(world, pool) {
  const of = (account) => {
    const { marginRatio, standing, positions } = world.summary(pool, account);
    return [standing === 'Liquidating' ? 1 : 0, marginRatio === null && positions > 0 ? 1 : 0, Number(marginRatio ?? 0)];
  };
  const all = pool.bank.map((account) => [of(account), account]);
  all.sort(([one, a], [other, b]) => other[0] - one[0] || other[1] - one[1] || other[2] - one[2] || a.id - b.id);
  return all.map(([, account]) => account);
}

function accounts(world, pool, query) {
  const limit = Math.min(MOST, Number(query.get('limit') ?? 50));
  const byRisk = query.get('order') === 'risk';
  const all = byRisk ? ranked(world, pool) : pool.bank;
  const after = query.get('after');
  const from = after === null ? 0 : Number(after) + (byRisk ? 0 : 1);
  const page = all.slice(from, from + limit);
  const end = from + page.length;
  const next = end < all.length ? (byRisk ? end : end - 1) : null;
  return { accounts: page.map((account) => world.summary(pool, account)), next };
}

function kindsOf(query) {
  const kinds = query.get('kinds');
  return kinds ? new Set(kinds.split(',')) : null;
}

function eventPage(world, query) {
  const kinds = kindsOf(query);
  const limit = Math.min(MOST, Number(query.get('limit') ?? 50));
  const all = kinds ? world.events.filter(({ kind }) => kinds.has(kind)) : world.events;
  const after = query.get('after');
  const events = after === null ? all.slice(-limit) : all.filter(({ sequence }) => sequence > Number(after)).slice(0, limit);
  return { events, first: world.events[0]?.sequence ?? world.next, next: world.next };
}

function thinned(samples, query) {
  const step = Math.max(1, Math.ceil(samples.length / Math.min(MOST, Number(query.get('points') ?? 600))));
  return samples.filter((_, at) => (samples.length - 1 - at) % step === 0);
}

function status(world, mood) {
  const last = world.blocks.at(-1);
  const times = world.blocks
    .slice(-MOST)
    .map(({ applyMs }) => applyMs)
    .sort((a, b) => a - b);
  const at = (share) => times[Math.floor((times.length - 1) * share)];
  const waiting = Math.floor(60 + world.trouble() * 7_200 + (world.height % 7) * 13);
  return {
    network: hex('genesis'),
    chainId: 1,
    version: '0.1.0',
    mode: 'dev',
    blockIntervalMs: BLOCK_MS,
    uptimeMs: (world.height - 41_200) * BLOCK_MS,
    stateRoot: last.stateRoot,
    intake: {
      waiting,
      capacity: 8_192,
      urgentWaiting: Math.floor(world.trouble() * 640),
      urgentCapacity: 8_192,
      accepted: world.height * 61,
      refused: 14,
      busy: mood === 'crash' ? 311 : 0,
    },
    lastBlock: { commands: last.commands, rejections: last.rejections, refusals: last.refusals, applyMs: last.applyMs },
    blockMs: { p50: at(0.5), p99: at(0.99), max: at(1) },
    commandsPerSecond: last.commands * 2,
  };
}

function answer(world, mood, path, query) {
  const now = { height: world.height, time: world.time };
  const parts = path.split('/').slice(2);
  const pool = parts[0] === 'pools' && parts.length > 1 ? found(world.pools[Number(parts[1])], 'pool') : null;
  const shape = parts.map((part) => (/^\d+$/.test(part) ? '#' : part)).join('/');
  switch (shape) {
    case 'status':
      return { ...now, ...status(world, mood) };
    case 'pools':
      return { ...now, pools: world.pools.map(world.poolView) };
    case 'pools/#':
      return { ...now, pool: world.poolView(pool) };
    case 'pools/#/markets':
      return { ...now, markets: pool.instruments.map((instrument) => world.marketView(pool, instrument)) };
    case 'pools/#/markets/#/book':
      return world.book(pool, found(pool.instruments[Number(parts[3])], 'instrument'));
    case 'pools/#/accounts':
      return { ...now, ...accounts(world, pool, query) };
    case 'pools/#/accounts/#':
      return { ...now, account: world.detail(pool, found(pool.bank[Number(parts[3])], 'account')) };
    case 'feeds':
      return { ...now, feeds: world.feeds() };
    case 'blocks': {
      const before = Number(query.get('before') ?? Infinity);
      const all = world.blocks.filter(({ height }) => height < before);
      const blocks = all.slice(-Number(query.get('limit') ?? 50)).reverse();
      return { blocks, next: blocks.length < all.length ? blocks.at(-1).height : null };
    }
    case 'events':
      return eventPage(world, query);
    case 'history/prices': {
      const feed = Number(query.get('feed'));
      return {
        feed,
        points: thinned(world.samples, query).map(({ time, feeds }) => [
          time,
          ...found(feeds[feed], 'feed').map((value) => decimal(value)),
        ]),
      };
    }
    case 'history/pools': {
      const id = Number(query.get('pool'));
      return {
        pool: id,
        points: thinned(world.samples, query).map(({ time, pools }) => [
          time,
          decimal(pools[id][0]),
          pools[id][1],
          decimal(pools[id][2]),
        ]),
      };
    }
    default:
      throw new NotFound(`there is no ${path}`);
  }
}

async function file(path) {
  const wanted = normalize(path === '/' ? '/index.html' : path);
  return { type: TYPES[extname(wanted)] ?? 'application/octet-stream', body: await readFile(DIST + wanted) };
}

async function respond(world, mood, request, response) {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  const headers = {
    'content-security-policy': "default-src 'self'",
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  };
  try {
    if (pathname.startsWith('/v1/')) {
      const body = JSON.stringify(answer(world, mood, pathname, searchParams));
      response.writeHead(200, { ...headers, 'content-type': 'application/json' }).end(body);
    } else {
      const { type, body } = await file(pathname);
      response.writeHead(200, { ...headers, 'content-type': type }).end(body);
    }
  } catch (error) {
    const isMissing = error instanceof NotFound || error.code === 'ENOENT';
    const body = { error: { code: isMissing ? 'NotFound' : 'Failed', message: error.message } };
    response.writeHead(isMissing ? 404 : 500, { ...headers, 'content-type': 'application/json' }).end(JSON.stringify(body));
  }
}

function stream(world, socket, query) {
  const send = (message) => socket.readyState === socket.OPEN && socket.send(JSON.stringify(message));
  const kinds = kindsOf(query);
  const after = query.get('after');
  const reader = { next: after === null ? world.next : Number(after) + 1 };
  return () => {
    const first = world.events[0]?.sequence ?? world.next;
    if (reader.next < first) {
      reader.next = first;
      send({ type: 'gap', first });
    }
    for (const event of world.events.slice(reader.next - first))
      if (!kinds || kinds.has(event.kind)) send({ type: 'event', event });
    reader.next = Math.max(reader.next, world.next);
    send(world.blockMessage());
  };
}

export async function startMock(mood = 'calm', port = 0) {
  const world = createWorld(mood);
  const readers = new Map();
  const server = createServer((request, response) => void respond(world, mood, request, response));
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost');
    if (pathname !== '/v1/stream') return socket.destroy();
    sockets.handleUpgrade(request, socket, head, (own) => {
      const tell = stream(world, own, searchParams);
      readers.set(own, tell);
      own.on('close', () => readers.delete(own));
      tell();
    });
  });
  const timer = setInterval(() => {
    world.block(BLOCK_MS);
    for (const tell of readers.values()) tell();
  }, BLOCK_MS);
  await new Promise((listening) => server.listen(port, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    async stop() {
      clearInterval(timer);
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [mood = 'calm', port = '8090'] = process.argv.slice(2);
  const { url } = await startMock(mood, Number(port));
  console.log(`${mood}: ${url}`);
}
