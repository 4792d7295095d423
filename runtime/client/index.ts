/**
 * Talks to a running app from a browser or Node: reads its state, follows it, and writes it.
 *
 * @module
 */
export { connect, type ConnectOptions } from './connect.ts';
export type {
  AppClient,
  CompareAndSetResult,
  EventsOptions,
  Expectation,
  LogsOptions,
} from './app-client.ts';
export type { Connection, ConnectionState } from './connection.ts';
export type { AppHistory, HistoryOptions, PastTurn } from './history.ts';
export type { Transport } from './live-events.ts';
export type { AppLike, DeepReadonly, SnapshotOf, StateOf, WorkFacts } from './state-of.ts';
export type { AppStatus, CommandSummary } from './app-status.ts';
export type {
  AppStage,
  ChangeSource,
  StreamEvent,
  WorkStage,
  WorkStatus,
  WorkSummary,
} from '../protocol/events.ts';
export type { LogLine } from '../ports/log-sink.ts';
export type { Json, JsonObject } from '../state/json.ts';
export type { Operation } from '../state/operation.ts';
