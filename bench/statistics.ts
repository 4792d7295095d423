/** The value below which a share of the samples lies. @param share - 0 to 1 */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5);
}

/** Milliseconds of the machine's monotonic clock, the same in all its processes. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
