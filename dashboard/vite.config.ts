import { defineConfig } from 'vitest/config';

const node = process.env.SEAWALL_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  base: './',
  server: {
    host: '127.0.0.1',
    proxy: { '/v1': { target: node, ws: true } },
  },
  build: {
    // `light-dark()` must reach the browser as it is: the fallback that older targets get ignores the switch.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    modulePreload: false,
    cssCodeSplit: false,
    rollupOptions: {
      output: {
        // No hashes: the files are committed, and a change should show as a change of the same file.
        entryFileNames: 'assets/app.js',
        assetFileNames: 'assets/app[extname]',
        codeSplitting: false,
      },
    },
  },
  test: { include: ['tests/**/*.test.ts'] },
});
