/**
 * Chromium from the npm registry, unpacked once into node_modules/.cache, with the libraries and fonts that a bare machine lacks. Test files run at
 * the same time, so it is unpacked under another name and then given its own: nobody starts half a browser.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { inflate } from '@sparticuz/chromium';

const PACKAGE = join(dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium')), '..');
const PARTS = ['chromium.br', 'al2023.tar.br', 'fonts.tar.br', 'swiftshader.tar.br'];

export interface Chromium {
  readonly executablePath: string;
  readonly env: NodeJS.ProcessEnv;
}

export async function chromium(): Promise<Chromium> {
  const { version } = JSON.parse(await readFile(join(PACKAGE, 'package.json'), 'utf8')) as { version: string };
  const cache = join(PACKAGE, '../../.cache');
  const home = join(cache, `chromium-${version}`);
  if (!existsSync(home)) {
    const unpacked = join(cache, `chromium-${version}-${process.pid}`);
    await mkdir(unpacked, { recursive: true });
    // A process of its own: the package unpacks to TMPDIR, which here belongs to all.
    await promisify(execFile)(process.execPath, [import.meta.filename], { env: { ...process.env, TMPDIR: unpacked } });
    // Of two that came at once, one is too late.
    await rename(unpacked, home).catch(() => rm(unpacked, { recursive: true, force: true }));
  }
  return {
    executablePath: join(home, 'chromium'),
    env: {
      ...process.env,
      LD_LIBRARY_PATH: join(home, 'al2023/lib'),
      ...(existsSync('/etc/fonts/fonts.conf') ? {} : { FONTCONFIG_PATH: join(home, 'fonts') }),
    },
  };
}

if (import.meta.main) for (const part of PARTS) await inflate(join(PACKAGE, 'bin', part));
