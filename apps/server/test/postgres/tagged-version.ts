/** The version that a rolling upgrade has to keep working (tagged-version.json), taken out of git and made ready to run. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import tagged from './tagged-version.json' with { type: 'json' };

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../../../..');

export interface TaggedVersion {
  /** The folder of its tree. */
  readonly root: string;
  /** Its main.ts. */
  readonly program: string;
  /** The folder of its migrations. */
  readonly migrations: string;
  /** The text of everything in it that knows SQL. */
  statements(): Promise<string>;
  remove(): Promise<void>;
}

/** `absent`: why there is none, in a few words: a download without history, a shallow clone. */
export async function takeTaggedVersion(): Promise<TaggedVersion | { readonly absent: string }> {
  try {
    await run('git', ['-C', ROOT, 'cat-file', '-e', `${tagged.commit}^{commit}`]);
  } catch {
    return { absent: `git has no commit ${tagged.commit.slice(0, 12)} (${tagged.tag}) here` };
  }
  const folder = await mkdtemp(join(tmpdir(), 'posthorn-tagged-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    await run('git', ['-C', ROOT, 'archive', `--output=${join(folder, 'tree.tar')}`, tagged.commit]);
    await run('tar', ['-xf', join(folder, 'tree.tar'), '-C', folder]);
    await linkModules(folder);
    // The kit that signs is the only part that has to be built.
    await run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', join(folder, 'packages/receiver/tsconfig.build.json')]);
  } catch (error) {
    await remove();
    throw error;
  }
  const store = join(folder, 'apps/server/src/store');
  return {
    root: folder,
    program: join(folder, 'apps/server/src/main.ts'),
    migrations: join(store, 'postgres/migrations'),
    async statements() {
      const files = (await readdir(store, { recursive: true })).filter((name) => name.endsWith('.ts') && !name.startsWith('sqlite'));
      return (await Promise.all(files.map((name) => readFile(join(store, name), 'utf8')))).join('\n');
    },
    remove,
  };
}

/** The dependencies of this tree, and that version's own packages. */
async function linkModules(folder: string): Promise<void> {
  for (const place of ['node_modules', 'apps/server/node_modules']) {
    const names = await readdir(join(ROOT, place)).catch(() => []);
    if (names.length > 0) await mkdir(join(folder, place), { recursive: true });
    for (const name of names) if (name !== '@posthorn') await symlink(join(ROOT, place, name), join(folder, place, name));
  }
  await mkdir(join(folder, 'node_modules/@posthorn'));
  for (const name of await readdir(join(folder, 'packages')))
    await symlink(join(folder, 'packages', name), join(folder, 'node_modules/@posthorn', name));
}
