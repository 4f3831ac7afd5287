// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

/** Files smaller than this are served as they are. */
const COMPRESS_MIN_BYTES = 1024;

/** Writes `.br` and `.gz` beside each text file, so that the server compresses nothing itself. */
function precompress(): Plugin {
  return {
    name: 'mimir:precompress',
    apply: 'build',
    closeBundle() {
      const root = fileURLToPath(new URL('./dist', import.meta.url));
      for (const entry of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
        const path = join(root, entry);
        if (!/\.(js|css|html|svg)$/.test(entry) || statSync(path).size < COMPRESS_MIN_BYTES) {
          continue;
        }
        const bytes = readFileSync(path);
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
        const params = { [constants.BROTLI_PARAM_QUALITY]: 9 };
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }));
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), precompress()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    target: 'es2022',
    // The Content-Security-Policy allows files of this server only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
  },
  server: {
    proxy: {
      '/api': {
        target: process.env.MIMIR_SERVER ?? 'https://127.0.0.1:8443',
        secure: false,
        changeOrigin: true,
        headers: { Origin: process.env.MIMIR_SERVER ?? 'https://127.0.0.1:8443' },
      },
    },
  },
});
