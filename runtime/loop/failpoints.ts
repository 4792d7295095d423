/**
 * Named places at which a test may kill the flow. Nothing happens at them unless a handler is installed.
 */
export const failpoints = [
  'delta.received',
  'delta.applied',
  'turn.before',
  'turn.ran',
  'commit.before',
  'commit.after',
  'launch.before',
  'launch.after',
  'call.before',
  'call.after',
  'stop.before',
  'stop.after',
  'delete.before',
  'end.before',
  'end.after',
] as const;

export type Failpoint = (typeof failpoints)[number];

let handler: ((name: Failpoint) => void) | null = null;

/** Tells the handler, if any, that the flow is here. */
export function reach(name: Failpoint): void {
  handler?.(name);
}

/** Installs what happens at failpoints; `null` removes it. For tests that kill a real process. */
export function onFailpoint(next: ((name: Failpoint) => void) | null): void {
  handler = next;
}
