#!/usr/bin/env node

const { existsSync } = require('node:fs');
const path = require('node:path');

const main = path.join(__dirname, '..', 'dist', 'src', 'cli', 'main.js');
if (existsSync(main)) {
  require(main);
} else {
  console.error('polyphony: It is not built yet; run "npm run build" in its directory first.');
  process.exitCode = 2;
}
