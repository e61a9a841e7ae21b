const UNITS: Readonly<Record<string, string>> = { s: 'second', m: 'minute', h: 'hour', d: 'day' };

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
