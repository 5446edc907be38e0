// Puts the licenses of Swagger UI beside what is built of it, and a compressed twin beside each text file of the build; the server sends it to whoever takes gzip.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const dist = new URL('dist/', import.meta.url).pathname;
const swagger = new URL('node_modules/swagger-ui-dist/', import.meta.url).pathname;
const licenses = ['NOTICE', 'LICENSE', 'swagger-ui-es-bundle.js.LICENSE.txt'].map((name) => readFileSync(join(swagger, name), 'utf8').trim());
writeFileSync(join(dist, 'api.licenses.txt'), `${licenses.join('\n\n')}\n`);
for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !/\.(html|js|css|svg)$/.test(entry.name)) continue;
  const file = join(entry.parentPath, entry.name);
  writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
}
