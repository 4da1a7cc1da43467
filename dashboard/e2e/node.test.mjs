// Against the program itself (SEAWALL_BIN): pages show what the API says, and a node that was killed is followed on without a gap.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isLive, isOwnNode, isRealNode, openPage, startBrowser, startNode } from './browser.mjs';

const skip = !(isRealNode && isOwnNode);
let browser;
let node;

before(async () => {
  if (skip) return;
  browser = await startBrowser();
  // At the market's own speed figures stand still long enough to be compared.
  node = await startNode('calm');
});

after(async () => {
  if (skip) return;
  await browser.close();
  await node.stop();
});

const ask = async (path) => (await fetch(`${node.url}/v1/${path}`)).json();
const digits = (text) => Number(text.replaceAll(',', '').replace('−', '-').match(/-?[\d.]+/)[0]);

/** The page shows a figure as the API has it, once it has stood still for as long as the page takes to draw; cut at the last place shown. */
async function shows(page, locator, read, places) {
  for (let tries = 0; ; tries += 1) {
    const before = Number(await read());
    await page.waitForTimeout(150);
    const shown = digits(await page.locator(`${locator} .number`).first().textContent());
    if (Number(await read()) === before && Math.abs(shown - before) <= 10 ** -places) return;
    assert.ok(tries < 200, `${locator}: found ${shown}, the API says ${before}`);
  }
}

test('pages show what the API says', { skip }, async () => {
  const { page, wrong, close } = await openPage(browser);
  const at = async (address) => {
    await page.goto(`${node.url}/${address}`);
    await isLive(page);
  };
  await at('#/pools/0/fund');
  await shows(page, '.figure:has-text("Fund equity") dd', async () => (await ask('pools/0')).pool.fund.equity, 2);
  await shows(page, '.figure:has-text("Custody") dd', async () => (await ask('pools/0')).pool.custody, 2);
  await at('#/pools/0/markets/0');
  await shows(page, '.figure:has-text("Open interest") dd', async () => (await ask('pools/0/markets')).markets[0].openInterest, 3);
  await at('#/pools/0/accounts/1');
  await shows(page, '.figure:has-text("Equity") dd', async () => (await ask('pools/0/accounts/1')).account.equity, 2);
  await at('#/feeds/1');
  await shows(page, '.figure:has-text("Slow price") dd', async () => (await ask('feeds')).feeds[1].slowPrice, 1);
  assert.deepEqual(wrong, []);
  await close();
});

test('a node that is killed and comes back is followed on without a gap', { skip }, async () => {
  const { page, close } = await openPage(browser);
  await page.goto(`${node.url}/#/system`);
  await isLive(page);
  const number = async (id) => digits(await page.locator(id).textContent());
  await page.waitForTimeout(1_000);
  const [height, next] = [await number('#height'), await number('#next-event')];
  await node.kill();
  await page.locator('[data-freshness="disconnected"]').waitFor();
  await node.start();
  await isLive(page);
  await page.waitForFunction((least) => Number(document.querySelector('#next-event').textContent.replaceAll(',', '')) > least, next);
  assert.ok((await number('#height')) > height);
  for (const id of ['#holes', '#doubled', '#lost']) assert.equal(await number(id), 0, id);
  assert.ok((await number('#reconnects')) >= 1);
  await close();
});
