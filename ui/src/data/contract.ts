/** Shapes that the API answers with and that the runtime has no type for. */
import type { ChangeSource } from '../../../runtime/protocol/events.ts';
import type { Json } from '../../../runtime/state/json.ts';
import type { Operation } from '../../../runtime/state/operation.ts';

export type { AppStatus } from '../../../runtime/protocol/app-status.ts';
export type { LayoutTabView, LayoutView } from '../../../runtime/protocol/layout.ts';

export interface HistoryAnswer {
  readonly oldest: number;
  readonly newest: number;
  readonly turns: readonly HistoryTurn[];
}

export interface HistoryTurn {
  readonly version: number;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly deltas: readonly HistoryDelta[];
}

export interface HistoryDelta extends Omit<ChangeSource, 'ops'> {
  readonly ops: readonly Operation[];
}

export interface Command {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of an object; absent for a command without arguments. */
  readonly args?: Json;
}
