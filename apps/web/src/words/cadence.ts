const UNITS: Readonly<Record<string, string>> = { s: 'second', m: 'minute', h: 'hour', d: 'day' };

/** Whether its ticks fall between the minutes, so that a clock without seconds would not tell one from the next. */
export function ticksBetweenMinutes(cadence: string): boolean {
  const every = /^every (\d+)s$/.exec(cadence);
  if (every !== null) return Number(every[1]) % 60 !== 0;
  // With seconds, an expression has six fields; the time zone follows.
  return cadence.startsWith('cron ') && cadence.split(' ').length > 7;
}

/** An environment within a sentence. */
export function environmentWords(environment: 'production' | 'sandbox'): string {
  return environment === 'sandbox' ? 'the sandbox' : 'production';
}

/** `every 30m` as people say it. */
export function cadenceWords(cadence: string): string {
  const every = /^every (\d+)([smhd])$/.exec(cadence);
  if (every !== null) {
    const unit = UNITS[every[2] ?? ''] ?? '';
    return every[1] === '1' ? `every ${unit}` : `every ${every[1]} ${unit}s`;
  }
  if (cadence === 'immediate') return 'at once';
  return cadence.replace(/^cron /, 'by the schedule ');
}
