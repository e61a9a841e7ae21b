/** The Retry-After header (RFC 9110 §10.2.3): a number of seconds, or an HTTP date. */

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The three forms of an HTTP date that a recipient must read (RFC 9110 §5.6.7). The weekday is not checked. */
const HTTP_DATES = [
  // Sun, 06 Nov 1994 08:49:37 GMT
  /^[A-Z][a-z]{2}, (?<day>\d{2}) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) (?<hour>\d{2}):(?<minute>\d{2}):(?<second>\d{2}) GMT$/,
  // Sunday, 06-Nov-94 08:49:37 GMT
  /^[A-Z][a-z]{5,8}, (?<day>\d{2})-(?<month>[A-Z][a-z]{2})-(?<year>\d{2}) (?<hour>\d{2}):(?<minute>\d{2}):(?<second>\d{2}) GMT$/,
  // Sun Nov  6 08:49:37 1994
  /^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) (?<hour>\d{2}):(?<minute>\d{2}):(?<second>\d{2}) (?<year>\d{4})$/,
];

/**
 * How long the header asks to wait, in milliseconds from `now` (epoch milliseconds): 0 for a date that has passed, null
 * for no header or one that makes no sense. There is no upper bound but the largest safe integer; the caller sets its own.
 */
export function parseRetryAfter(header: string | null, now: number): number | null {
  const text = header?.trim() ?? '';
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, Number.MAX_SAFE_INTEGER);
  const date = httpDate(text, now);
  return date === null ? null : Math.max(0, date - now);
}

function httpDate(text: string, now: number): number | null {
  const groups = HTTP_DATES.map((form) => form.exec(text)?.groups).find((match) => match !== undefined);
  if (groups === undefined) return null;
  const { day, hour, minute, second } = groups;
  const month = MONTHS.indexOf(groups['month'] ?? '');
  const year = fullYear(groups['year'] ?? '', now);
  const midnight = Date.UTC(year, month, Number(day));
  // Date.UTC lets the 31st of February run over into March. A second 60 is a leap second, and may.
  if (month === -1 || new Date(midnight).getUTCDate() !== Number(day)) return null;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return null;
  return midnight + ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000;
}

/** Two digits that would lie more than 50 years ahead mean the past century (RFC 9110 §5.6.7). */
function fullYear(digits: string, now: number): number {
  if (digits.length === 4) return Number(digits);
  const thisYear = new Date(now).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + Number(digits);
  return year > thisYear + 50 ? year - 100 : year;
}
