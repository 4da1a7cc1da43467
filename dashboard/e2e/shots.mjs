// Pictures of every page, in both moods, both colour schemes, on a desk and in a hand.
//   node e2e/shots.mjs [folder] [part of a name]

import { mkdir } from 'node:fs/promises';
import { isLive, isRealNode, openPage, pagesOf, startBrowser, startNode } from './browser.mjs';

const [folder = 'shots', only = ''] = process.argv.slice(2);
const SIZES = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

await mkdir(folder, { recursive: true });
const browser = await startBrowser();
for (const mood of ['crash', 'calm']) {
  const node = await startNode(mood);
  for (const [size, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of ['dark', 'light']) {
      const { page, wrong, close } = await openPage(browser, { viewport, colorScheme });
      for (const [name, address] of [...(await pagesOf(node.url)), ...(isRealNode ? [] : [['fund-long-tail', '#/pools/1/fund']])]) {
        const file = `${mood}-${name}-${colorScheme}-${size}.png`;
        if (!file.includes(only)) continue;
        await page.goto(`${node.url}/${address}`);
        await isLive(page);
        await page.waitForTimeout(900);
        await page.screenshot({ path: `${folder}/${file}`, fullPage: true });
      }
      if (wrong.length > 0) console.error(mood, size, colorScheme, [...new Set(wrong)]);
      await close();
    }
  }
  await node.stop();
}
await browser.close();
