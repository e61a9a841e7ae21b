#!/usr/bin/env node
// Plain JavaScript: a Node that cannot run TypeScript can still say what is missing.
const [major = 0] = process.versions.node.split('.').map(Number);
if (major >= 24) await import('./src/main.ts');
else {
  process.stderr.write(
    `posthorn: needs Node 24 or newer, and this is ${process.versions.node}: "npx posthorn", in its folder, takes the Node that npm ci brought\n`,
  );
  process.exitCode = 1;
}
