// SPDX-License-Identifier: Apache-2.0
// Numbers, times and sizes as people read them. Pure: the time now is an argument.

const grouped = new Intl.NumberFormat('en-US');

/** `61204` → `61,204`. */
export function count(value: number): string {
  return grouped.format(value);
}

/** `count(1, 'host')` → `1 host`; `counted(2, 'host')` → `2 hosts`. */
export function counted(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`;
}

/** Share of a whole in per cent; never 100 % before all are there, never 0 % when one is. */
export function percent(part: number, whole: number): string {
  if (whole === 0) return '–';
  const exact = (100 * part) / whole;
  if (part > 0 && exact < 1) return '<1 %';
  if (part < whole && exact > 99) return '>99 %';
  return `${Math.round(exact)} %`;
}

const UNITS: readonly [number, string][] = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];

/** A span of time in at most two units: `1 d 4 h`, `12 min`, `0 s`. */
export function duration(ms: number): string {
  let rest = Math.max(0, Math.floor(ms / 1000));
  const parts: string[] = [];
  for (const [seconds, unit] of UNITS) {
    const whole = Math.floor(rest / seconds);
    if (whole > 0) parts.push(`${whole} ${unit}`);
    if (parts.length === 2 || (parts.length === 1 && whole === 0)) break;
    rest -= whole * seconds;
  }
  return parts.join(' ') || '0 s';
}

/** A moment seen from now: `just now`, `3 min ago`, `in 9 min`. */
export function relative(at: number, now: number): string {
  const away = Math.abs(now - at);
  if (away < 5_000) return at > now ? 'in a moment' : 'just now';
  const coarse = duration(away).split(' ').slice(0, 2).join(' ');
  return at > now ? `in ${coarse}` : `${coarse} ago`;
}

/** The exact moment: `2026-11-23 20:42:28 UTC`. */
export function exact(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `1536` → `1.5 KiB`. */
export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = value;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}

/** The beginning of a hash or id, enough to tell it from others. */
export function short(hash: string): string {
  return hash.length > 12 ? `${hash.slice(0, 12)}…` : hash;
}
