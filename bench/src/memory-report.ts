/** Loaded into the measured server before its own code (`--import`): tells its memory when it is asked over IPC. Its other threads load it too, and are not asked. */
import { readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

/** What was resident at the most, in bytes; Linux only. */
function peak(): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
  } catch {
    return process.memoryUsage().rss;
  }
}

if (isMainThread) {
  process.on('message', () => {
    const resident = peak();
    global.gc?.();
    process.send?.({ kind: 'memory', peak: resident, heap: process.memoryUsage().heapUsed });
  });
  process.channel?.unref();
}
