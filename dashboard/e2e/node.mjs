// A real node with its simulated market: SEAWALL_BIN names the program. Each keeps its journal in a temporary folder and serves on loopback.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How each mood is played: calm minutes as they were; the fall of 21:13, ten times as fast. */
const MOODS = {
  calm: ['--speed', '1', '--from', '20:30:00'],
  crash: ['--speed', '10', '--from', '21:11:00'],
};

/** Starts a node and waits until it has the mood. `kill` ends it at once, as a power cut would; `start` lets it come back. */
export async function startRealNode(mood) {
  const data = await mkdtemp(join(tmpdir(), 'seawall-e2e-'));
  const node = { url: '', process: undefined };
  node.start = async () => {
    const listen = node.url ? node.url.slice('http://'.length) : '127.0.0.1:0';
    const args = ['node', '--dev', ...MOODS[mood], '--data', data, '--listen', listen];
    node.process = spawn(process.env.SEAWALL_BIN, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    node.url = await addressOf(node.process);
  };
  node.kill = (signal = 'SIGKILL') => ended(node.process, signal);
  node.stop = async () => {
    await ended(node.process, 'SIGTERM');
    await rm(data, { recursive: true, force: true });
  };
  await node.start();
  await until(async () => (await kindsOf(node.url, 'Filled')) > 20);
  if (mood === 'crash') await until(async () => (await kindsOf(node.url, 'AccountLiquidated')) > 2);
  return node;
}

async function addressOf(child) {
  let said = '';
  for await (const chunk of child.stdout) {
    said += chunk;
    const found = /http:\/\/[0-9.:]+/.exec(said);
    if (found) return found[0];
  }
  throw new Error(`the node did not start: ${said}`);
}

function ended(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return undefined;
  return new Promise((done) => {
    child.once('exit', done);
    child.kill(signal);
  });
}

async function kindsOf(url, kind) {
  const { events } = await (await fetch(`${url}/v1/events?kinds=${kind}&limit=100`)).json();
  return events.length;
}

/** Waits for a condition, for at most two minutes. */
export async function until(isSo) {
  for (let tries = 0; tries < 480; tries += 1) {
    if (await isSo().catch(() => false)) return;
    await new Promise((done) => setTimeout(done, 250));
  }
  throw new Error(`never came true: ${isSo}`);
}
