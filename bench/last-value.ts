/** What a work of the benchmarks writes after its last time. */
export const LAST = -1;
