// The live part: figures move; a break is said aloud; after it no event is lost or doubled.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isLive, isRealNode, openPage, startBrowser, startNode } from './browser.mjs';

let browser;
let node;

before(async () => {
  browser = await startBrowser();
  node = await startNode('crash');
});

after(async () => {
  await browser.close();
  await node.stop();
});

const number = async (page, id) => Number((await page.locator(id).textContent()).replaceAll(',', ''));

/** Stands between the page and the node's stream. Only the mock's is slow enough for that; a real node is cut off in node.test.mjs. */
async function interpose(page) {
  const wire = { isCut: false, isMuted: false, change: (message) => [message], close: () => {} };
  await page.routeWebSocket(/\/v1\/stream/, (socket) => {
    if (wire.isCut) return void socket.close();
    const server = socket.connectToServer();
    server.onMessage((message) => {
      if (wire.isMuted) return;
      for (const changed of wire.change(message)) socket.send(changed);
    });
    wire.close = () => {
      server.close();
      socket.close();
    };
  });
  return wire;
}

/** The events that the log shows, oldest first, against what the node says happened. */
async function assertComplete(page) {
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.waitForTimeout(300);
  const shown = await page
    .locator('.log [data-sequence]')
    .evaluateAll((rows) => rows.map((row) => [Number(row.dataset.sequence), row.querySelector('.kind').textContent]));
  shown.reverse();
  assert.ok(shown.length > 20, 'the log is too short to prove anything');
  const first = shown[0][0];
  assert.deepEqual(
    shown.map(([sequence]) => sequence),
    shown.map((_, at) => first + at),
  );
  const { events } = await (await fetch(`${node.url}/v1/events?after=${first - 1}&limit=${shown.length}`)).json();
  assert.deepEqual(
    shown,
    events.map(({ sequence, kind }) => [sequence, kind]),
  );
  await page.getByRole('button', { name: 'Resume' }).click();
}

test('blocks and events come by themselves', async () => {
  const { page, wrong, close } = await openPage(browser);
  await page.goto(`${node.url}/#/system`);
  await isLive(page);
  const [height, next] = [await number(page, '#height'), await number(page, '#next-event')];
  await page.waitForTimeout(4_000);
  assert.ok((await number(page, '#height')) > height);
  assert.ok((await number(page, '#next-event')) > next);
  await assertComplete(page);
  assert.deepEqual(wrong, []);
  await close();
});

test('a lost connection is said aloud, and nothing is lost or doubled after it', { skip: isRealNode }, async () => {
  const { page, close } = await openPage(browser);
  const wire = await interpose(page);
  await page.goto(`${node.url}/#/system`);
  await isLive(page);
  await page.waitForTimeout(1_500);
  const before = await number(page, '#next-event');

  wire.isCut = true;
  wire.close();
  await page.locator('[data-freshness="disconnected"]').waitFor();
  assert.match(await page.locator('.spoken[role=alert]').textContent(), /Disconnected/);
  assert.match(await page.locator('.connection strong').textContent(), /Disconnected: figures .* old, trying again/);
  await page.setViewportSize({ width: 390, height: 844 });
  const clipped = await page.locator('.connection .state').evaluate((element) => element.scrollWidth - element.clientWidth);
  assert.ok(clipped <= 0, `the notice is cut by ${clipped} px on a phone`);
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.locator('nav a', { hasText: 'Overview' }).click();
  assert.equal(await page.locator('.verdict h1').textContent(), 'Unknown');
  await page.locator('nav a', { hasText: 'System' }).click();
  await page.waitForTimeout(3_000);

  wire.isCut = false;
  await isLive(page);
  await page.waitForTimeout(1_500);
  assert.ok((await number(page, '#next-event')) > before);
  for (const id of ['#holes', '#doubled', '#lost']) assert.equal(await number(page, id), 0, id);
  assert.ok((await number(page, '#reconnects')) >= 1);
  await assertComplete(page);
  await close();
});

test('a stream that doubles and drops events is put right', { skip: isRealNode }, async () => {
  const { page, close } = await openPage(browser);
  const wire = await interpose(page);
  let seen = 0;
  wire.change = (message) => {
    if (!message.includes('"type":"event"')) return [message];
    seen += 1;
    if (seen === 12) return [];
    return seen % 5 === 0 ? [message, message] : [message];
  };
  await page.goto(`${node.url}/#/system`);
  await isLive(page);
  while (seen < 40) await page.waitForTimeout(250);
  await page.waitForTimeout(1_000);
  assert.ok((await number(page, '#doubled')) > 0);
  assert.ok((await number(page, '#holes')) > 0);
  assert.equal(await number(page, '#lost'), 0);
  await assertComplete(page);
  await close();
});

test('no block for two seconds is said aloud, and a silent connection is left', { skip: isRealNode }, async () => {
  const { page, close } = await openPage(browser);
  const wire = await interpose(page);
  await page.goto(`${node.url}/#/`);
  await isLive(page);
  wire.isMuted = true;
  await page.locator('[data-freshness="stale"]').waitFor({ timeout: 5_000 });
  assert.match(await page.locator('.connection strong').textContent(), /Stale: no block for \d/);
  assert.equal(await page.locator('.verdict h1').textContent(), 'Unknown');
  await page.locator('[data-freshness="disconnected"]').waitFor({ timeout: 8_000 });
  wire.isMuted = false;
  await isLive(page);
  assert.notEqual(await page.locator('.verdict h1').textContent(), 'Unknown');
  await close();
});

test('a node that is not there is waited for', { skip: isRealNode }, async () => {
  const { page, close } = await openPage(browser);
  let isThere = false;
  await page.route('**/v1/**', (route) => (isThere ? route.continue() : route.abort()));
  await page.goto(`${node.url}/#/`);
  await page.locator('[data-freshness="disconnected"]').waitFor();
  isThere = true;
  await isLive(page);
  await close();
});

test('nothing jumps while figures change', { skip: isRealNode }, async () => {
  const { page, close } = await openPage(browser);
  for (const address of ['#/pools/0/markets/0', '#/feeds', '#/pools/0/fund']) {
    await page.goto(`${node.url}/${address}`);
    await isLive(page);
    await page.waitForTimeout(1_500);
    const moved = await page.evaluate(
      () =>
        new Promise((done) => {
          let total = 0;
          const watch = new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) total += entry.value;
          });
          watch.observe({ type: 'layout-shift', buffered: false });
          setTimeout(() => done(total), 3_000);
        }),
    );
    assert.ok(moved < 0.05, `${address} moved by ${moved}`);
  }
  await close();
});
