// Makes a component of house.js: node build.mjs FOLDER_OF_THE_CONTRACT OUT
//
// The engine of the language is switched off as far as it could ask for anything: what the component imports is what house.wit says.

import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { componentize } from '@bytecodealliance/componentize-js';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const [contract, out] = process.argv.slice(2);
if (!out) throw new Error('usage: node build.mjs FOLDER_OF_THE_CONTRACT OUT');

// The world beside the packages that it names, as WIT wants them to lie.
const wit = mkdtempSync(join(tmpdir(), 'house-'));
try {
  cpSync(here('house.wit'), join(wit, 'house.wit'));
  cpSync(join(contract, 'deps'), join(wit, 'deps'), { recursive: true });
  cpSync(contract, join(wit, 'deps/jeton-policy'), { recursive: true, filter: (path) => path !== join(contract, 'deps') });
  const { component } = await componentize({
    sourcePath: here('house.js'),
    witPath: wit,
    worldName: 'house',
    disableFeatures: ['clocks', 'fetch-event', 'http', 'random', 'stdio'],
  });
  writeFileSync(out, component);
} finally {
  rmSync(wit, { recursive: true });
}
