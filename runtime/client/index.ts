/**
 * Talks to a running app from Node or a browser; needs nothing but `fetch`.
 *
 * @module
 */
export {
  connect,
  type AppClient,
  type ConnectOptions,
  type EventsOptions,
  type LogsOptions,
} from './connect.ts';
export type { AppStatus } from './app-status.ts';
export type { AppEvent, AppStage, WorkStage, WorkStatus, WorkSummary } from '../protocol/events.ts';
export type { LogLine } from '../ports/log-sink.ts';
export type { Json, JsonObject } from '../state/json.ts';
export type { Operation } from '../state/operation.ts';
