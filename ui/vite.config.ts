/**
 * Builds the dashboard into `dist/ui`.
 *
 * Asset URLs are relative, because an app may be served below any `rootPath`. Nothing is inlined: the page is served
 * with `default-src 'self'`, which refuses inline scripts, styles and `data:` URLs.
 */
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
/** A running app, for `vite` as a development server. */
const app = process.env['STORMKITE_APP'] ?? 'http://127.0.0.1:7501';

export default defineConfig(({ command }) => {
  // Whatever started the build (a test run, say) may have said something else: the page is always the one that is published.
  if (command === 'build') process.env['NODE_ENV'] = 'production';
  return {
    root: at('.'),
    base: './',
    plugins: [react()],
    publicDir: false,
    build: {
      outDir: at('../dist/ui'),
      emptyOutDir: true,
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      target: 'es2023',
      reportCompressedSize: false,
    },
    server: {
      proxy: Object.fromEntries(
        ['/api', '/frontends', '/works'].map((path) => [path, { target: app, ws: true }]),
      ),
    },
  };
});
