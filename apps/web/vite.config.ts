import { join } from 'node:path';
import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), tailwindcss()],
  build: {
    outDir: join(import.meta.dirname, 'dist'),
    target: 'es2024',
    // The page's policy allows no inline script, and every browser of the target preloads modules by itself.
    modulePreload: { polyfill: false },
    // A data: URL would need a wider policy.
    assetsInlineLimit: 0,
    manifest: true,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 700,
  },
  // For work on the pages: `npm run dev` beside it serves the API.
  server: {
    proxy: Object.fromEntries(['/v1', '/auth', '/inbox', '/openapi.json', '/docs'].map((path) => [path, 'http://127.0.0.1:8080'])),
  },
});
