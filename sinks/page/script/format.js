// How figures and days read. One locale, so that the page reads the same everywhere.
const LOCALE = 'en-GB';
const NBSP = '\u00a0';
const ABSENT = '\u2013';

const count = (number) => number.toLocaleString(LOCALE, { maximumFractionDigits: 0 });
const decimal = (number, digits = 1) =>
  number.toLocaleString(LOCALE, { minimumFractionDigits: digits, maximumFractionDigits: digits });
const compact = (number) => number.toLocaleString(LOCALE, { notation: 'compact', maximumFractionDigits: 1 });
const percent = (share, digits = 1) =>
  share === null || Number.isNaN(share) ? ABSENT : `${decimal(share * 100, digits)}${NBSP}%`;
const amount = (value) => decimal(value, Math.abs(value) < 1000 ? 2 : 0);
const money = (value, currency) => `${amount(value)}${NBSP}${currency}`;
const sentence = (name) => name.replaceAll('_', ' ');
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const shortened = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}\u2026` : text);
const plural = (number, what) => `${count(number)} ${what}${number === 1 ? '' : 's'}`;
const HOURS = 24;
const MINUTES = 1440;
// A length of time, given in days, in the largest unit of which it has at least one.
function duration(days) {
  const [value, unit] =
    days >= 1 ? [days, 'day'] : days * HOURS >= 1 ? [days * HOURS, 'hour'] : [days * MINUTES, 'minute'];
  const text = decimal(value, unit === 'minute' ? 0 : 1);
  return `${text}${NBSP}${unit}${Number(text) === 1 ? '' : 's'}`;
}

const asDate = (iso) => new Date(`${iso.slice(0, 10)}T00:00:00Z`);
const set = (iso, options) => asDate(iso).toLocaleDateString(LOCALE, { timeZone: 'UTC', ...options });
const shortDay = (iso) => set(iso, { day: 'numeric', month: 'short' });
const fullDay = (iso) => set(iso, { day: 'numeric', month: 'short', year: 'numeric' });
const month = (iso) => set(iso, { month: 'short', year: 'numeric' });
const minute = (iso) => (iso === null ? ABSENT : `${fullDay(iso)}, ${iso.slice(11, 16)} UTC`);
const between = (since, until) => (since === until ? fullDay(since) : `${fullDay(since)} to ${fullDay(until)}`);
const bucketName = (iso, unit) =>
  unit === 'month'
    ? month(iso)
    : unit === 'week'
      ? `Week of ${fullDay(iso)}`
      : set(iso, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' });
const bucketTick = (iso, unit) => (unit === 'month' ? month(iso) : shortDay(iso));
