import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// `npm run dev` serves the console and leads its calls to a server that runs; MUSTER_URL says where.
const server = 'http://127.0.0.1:8080';
const paths = ['/ng', '/authz', '/audit', '/scim', '/v1', '/oauth2', '/livez', '/readyz', '/openapi.json'];

export default defineConfig(({ command, mode }) => ({
  // The built page does not know where it is: below whatever a proxy puts before it.
  base: command === 'build' ? './' : '/console/',
  plugins: [react()],
  server: {
    host: '127.0.0.1',
    // As the tests call it.
    allowedHosts: ['muster.test'],
    proxy: Object.fromEntries(paths.map((path) => [path, mode === 'development' ? (env('MUSTER_URL') ?? server) : server])),
  },
  build: {
    // Nothing inline: the server's Content-Security-Policy forbids it.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Built apart, that the two pages share nothing: the API reference is loaded by who wants it.
    rolldownOptions: { input: mode === 'api' ? 'api.html' : 'index.html' },
    emptyOutDir: mode !== 'api',
    chunkSizeWarningLimit: 2048,
  },
}));

function env(name: string): string | undefined {
  return (globalThis as { process?: { env: Record<string, string | undefined> } }).process?.env[name];
}
