/** One line of the result. */
export interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** Absent where the measurement only informs. */
  readonly budget?: { readonly most: number } | { readonly least: number };
  /** Something comparable without Stormkite, measured in the same run; in `unit` unless it says otherwise. */
  readonly baseline?: { readonly what: string; readonly value: number; readonly unit?: string };
  readonly note?: string;
}

/** Measures in a process of its own, with a temporary directory of its own. */
export type Benchmark = () => Promise<Row[]>;

/** Every benchmark by its name, loaded where it runs. */
export const benchmarks: Readonly<Record<string, () => Promise<Benchmark>>> = {
  scalar: async () => (await import('./scalar.ts')).scalar,
  latency: async () => (await import('./latency.ts')).latency,
  idle: async () => (await import('./idle.ts')).idle,
  turn: async () => (await import('./turn.ts')).turn,
  deltas: async () => (await import('./deltas.ts')).deltas,
  startup: async () => (await import('./startup.ts')).startup,
  dynamic: async () => (await import('./dynamic.ts')).dynamic,
  soak: async () => (await import('./soak.ts')).soak,
  scale: async () => (await import('./scale.ts')).scale,
  'aws-latency': async () => (await import('./aws.ts')).awsLatency,
  'aws-deltas': async () => (await import('./aws.ts')).awsDeltas,
  'aws-restart': async () => (await import('./aws.ts')).awsRestart,
};

/** Whether a row keeps its budget; `null` without one. */
export function isMet({ value, budget }: Row): boolean | null {
  if (budget === undefined) return null;
  return 'most' in budget ? value <= budget.most : value >= budget.least;
}
