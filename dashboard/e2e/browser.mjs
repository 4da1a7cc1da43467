// Starts the browser and the mock; or, if SEAWALL_BIN names the program, a real node; or uses the node that SEAWALL_URL names.

import { chromium } from 'playwright-core';
import { startMock } from '../mock/server.mjs';
import { startRealNode } from './node.mjs';

const ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const isRealNode = Boolean(process.env.SEAWALL_URL || process.env.SEAWALL_BIN);
/** Whether moods can be had, and nodes be stopped. */
export const isOwnNode = !process.env.SEAWALL_URL;

export async function startNode(mood) {
  if (!isOwnNode) return { url: process.env.SEAWALL_URL.replace(/\/$/, ''), stop: async () => {} };
  return process.env.SEAWALL_BIN ? startRealNode(mood) : startMock(mood);
}

export function startBrowser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ARGS });
}

/** A page that remembers everything that went wrong in it. */
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') wrong.push(message.text());
  });
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    if (protocol !== 'blob:' && host !== new URL(page.url() === 'about:blank' ? request.url() : page.url()).host)
      wrong.push(`request to ${host}`);
  });
  return { page, wrong, close: () => context.close() };
}

/** The address of every page, with a market, a feed and the riskiest account that the node has. */
export async function pagesOf(url) {
  const ask = async (path) => (await fetch(`${url}/v1/${path}`)).json();
  const { markets } = await ask('pools/0/markets');
  const { feeds } = await ask('feeds');
  const { accounts } = await ask('pools/0/accounts?order=risk&limit=1');
  const third = markets[Math.min(2, markets.length - 1)];
  const worst = feeds.find(({ condition }) => condition === 'Degraded') ?? feeds.at(-1);
  return [
    ['overview', '#/'],
    ['markets', '#/pools/0/markets'],
    ['market', `#/pools/0/markets/${third.instrument}`],
    ['accounts', '#/pools/0/accounts'],
    ['account', `#/pools/0/accounts/${accounts[0].account}`],
    ['feeds', '#/feeds'],
    ['feed', `#/feeds/${worst.feed}`],
    ['fund', '#/pools/0/fund'],
    ['system', '#/system'],
  ];
}

export async function isLive(page) {
  await page.locator('[data-freshness="live"]').waitFor();
}
