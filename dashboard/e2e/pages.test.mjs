// Every page: it opens without a complaint, asks nobody else, fits its screen, and can be read and reached.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isLive, isRealNode, openPage, pagesOf, startBrowser, startNode } from './browser.mjs';
import { faintTexts } from './contrast.mjs';

let browser;
const nodes = {};
const moods = isRealNode ? ['calm'] : ['calm', 'crash'];

before(async () => {
  browser = await startBrowser();
  for (const mood of moods) nodes[mood] = await startNode(mood);
});

after(async () => {
  await browser.close();
  for (const node of Object.values(nodes)) await node.stop();
});

const VIEWS = [
  ['desktop, dark', { viewport: { width: 1440, height: 900 }, colorScheme: 'dark' }],
  ['desktop, light', { viewport: { width: 1440, height: 900 }, colorScheme: 'light' }],
  ['phone, dark', { viewport: { width: 390, height: 844 }, colorScheme: 'dark' }],
  ['phone, light', { viewport: { width: 390, height: 844 }, colorScheme: 'light' }],
];

for (const mood of moods) {
  for (const [view, options] of VIEWS) {
    test(`every page, ${mood}, ${view}`, async () => {
      const { page, wrong, close } = await openPage(browser, options);
      for (const [name, address] of await pagesOf(nodes[mood].url)) {
        await page.goto(`${nodes[mood].url}/${address}`);
        await isLive(page);
        await page.locator('main h1').first().waitFor();
        await page.waitForTimeout(250);
        const overhang = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(overhang <= 0, `${name} is ${overhang} px wider than the screen`);
        assert.deepEqual(await page.evaluate(faintTexts), [], `faint text on ${name}`);
        assert.equal(await page.locator('main .notice.tone-warning').count(), 0, `${name} has a notice`);
      }
      assert.deepEqual(wrong, []);
      await close();
    });
  }
}

test('the page takes the colours of the system, and the switch wins', async () => {
  const { page, close } = await openPage(browser, { colorScheme: 'dark' });
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.goto(nodes.calm.url);
  const dark = await background();
  await page.emulateMedia({ colorScheme: 'light' });
  const light = await background();
  assert.notEqual(dark, light);
  await page.getByRole('button', { name: /Change to light/ }).click();
  await page.getByRole('button', { name: /Change to dark/ }).click();
  assert.equal(await background(), dark);
  await page.reload();
  assert.equal(await background(), dark);
  await close();
});

test('the keyboard reaches everything, and its place is seen', async () => {
  const { page, close } = await openPage(browser);
  await page.goto(nodes.calm.url);
  await isLive(page);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), 'Skip to the figures');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');

  const seen = new Set();
  for (let presses = 0; presses < 200; presses += 1) {
    await page.keyboard.press('Tab');
    const focus = await page.evaluate(() => {
      const { activeElement: element } = document;
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      return {
        name: element.getAttribute('aria-label') ?? element.textContent.trim(),
        role: element.getAttribute('role'),
        isSeen: outlineStyle !== 'none' && outlineWidth !== '0px',
        isBody: element === document.body,
      };
    });
    if (focus.isBody) break;
    assert.ok(focus.isSeen, `focus on ${focus.name} is not seen`);
    seen.add(focus.name);
  }
  for (const name of ['Markets', 'Publishers in doubt']) assert.ok(seen.has(name), `${name} was not reached`);

  await page.locator('nav a', { hasText: 'Accounts' }).focus();
  await page.keyboard.press('Enter');
  await page.locator('main h1', { hasText: 'Accounts' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  await page.locator('tbody a').first().focus();
  await page.keyboard.press('Enter');
  await page.locator('table.rows').waitFor();
  await close();
});

test('a page, a market or an account that is not there is said to be missing', async () => {
  const { page, close } = await openPage(browser);
  for (const address of ['#/nowhere', '#/pools/0/markets/999', '#/pools/0/accounts/4000000', '#/pools/999/fund']) {
    await page.goto(`${nodes.calm.url}/${address}`);
    await page.locator('main .notice.tone-warning').first().waitFor();
  }
  await close();
});

test('the crash is told at a glance', { skip: isRealNode }, async () => {
  const { page, close } = await openPage(browser);
  await page.goto(nodes.crash.url);
  await isLive(page);
  assert.equal(await page.locator('.verdict h1').textContent(), 'Danger');
  const tiles = await page.locator('.tile').allTextContents();
  assert.match(tiles[0], /WIF-PERP.*−\d/);
  assert.match(tiles[4], /AAVE degraded, WIF down.*Quay WIF/);
  assert.match(tiles[5], /call auction/);
  assert.match(await page.locator('.spoken[role=status]').textContent(), /Feed WIF is down/);
  await page.goto(`${nodes.calm.url}/#/`);
  await isLive(page);
  assert.equal(await page.locator('.verdict h1').textContent(), 'Safe');
  await close();
});

test('rows below zero are marked as a breach in words', { skip: isRealNode }, async () => {
  const { page, close } = await openPage(browser);
  const pools = `${nodes.crash.url}/v1/pools/0/accounts`;
  for (let tries = 0; ; tries += 1) {
    const { accounts } = await (await fetch(`${pools}?order=risk&limit=1`)).json();
    const { account } = await (await fetch(`${pools}/${accounts[0].account}`)).json();
    if (account.rows.some(({ maintenance }) => maintenance?.startsWith('-'))) {
      await page.goto(`${nodes.crash.url}/#/pools/0/accounts/${account.account}`);
      await page.locator('table.rows').waitFor();
      if ((await page.locator('table.rows .breach').count()) > 0) break;
    }
    assert.ok(tries < 100, 'nobody breached');
    await page.waitForTimeout(250);
  }
  assert.ok((await page.locator('.rows .fill.maintenance.is-below').count()) > 0);
  await close();
});
