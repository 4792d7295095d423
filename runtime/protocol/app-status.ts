import type { Json } from '../state/json.ts';
import type { AppStage } from './events.ts';

export const appModes = ['local', 'emulated', 'aws'] as const;
export type AppMode = (typeof appModes)[number];

/** A command that the app offers in `configureCommands()`. */
export interface CommandSummary {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of its arguments; absent when it is not known. */
  readonly args?: Json;
}

/** The app as a whole. */
export interface AppStatus {
  readonly name: string;
  /** The same name, as other answers call it. */
  readonly app: string;
  readonly stage: AppStage;
  /** Version of the state: grows by 1 with every turn that changed something. */
  readonly version: number;
  /** Process id of the flow. */
  readonly pid: number;
  /** ISO time. */
  readonly startedAt: string;
  /** Version of stormkite that runs it. */
  readonly stormkite: string;
  /** Where its works run. */
  readonly mode: AppMode;
  /** Connections that watch the state. */
  readonly clients: number;
  /** What the app says of itself. */
  readonly info: {
    readonly title?: string;
    readonly description?: string;
    readonly image?: string;
  };
}
