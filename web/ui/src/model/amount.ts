/** "640 B", "21.9 kB", "3.40 MB": three digits are enough. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let n = bytes;
  let i = 0;
  while (n >= 999.5 && i < units.length - 1) {
    n /= 1000;
    i++;
  }
  return `${i === 0 ? Math.round(n) : digits(n)} ${units[i]}`;
}

/** "0", "3.2", "48", "1,250": a rate per second. */
export function formatRate(n: number): string {
  return n === 0 ? "0" : n < 10 ? n.toFixed(1) : formatCount(Math.round(n));
}

export function formatCount(n: number): string {
  return n.toLocaleString("en");
}

/** "0.07 ms", "42 ms", "3.1 s": a mostly short time, as exact as it was given. */
export function formatShort(ms: number): string {
  if (ms < 999.5) return `${ms < 10 && !Number.isInteger(ms) ? digits(ms) : Math.round(ms)} ms`;
  const s = ms / 1000;
  return s < 99.5 ? `${s < 10 ? s.toFixed(1) : Math.round(s)} s` : `${formatCount(Math.round(s / 60))} min`;
}

function digits(n: number): string {
  return n < 9.995 ? n.toFixed(2) : n < 99.95 ? n.toFixed(1) : String(Math.round(n));
}
