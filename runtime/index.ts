/**
 * Stormkite: flows and works in TypeScript, run as processes here and as tasks in your own AWS account.
 *
 * @module
 */
export { App, type AppInfo, type AppOptions } from './component/app.ts';
export { Dict, List } from './component/structures.ts';
export type { Budget } from './component/budget.ts';
export type { Duration } from './component/duration.ts';
export { Flow } from './component/flow.ts';
export type {
  ApiRequest,
  ApiRoute,
  AppCommand,
  IterateOptions,
  Layout,
  LayoutTab,
  ScheduleOptions,
} from './component/flow-options.ts';
export { Work, type WorkClass } from './component/work.ts';
export type { WorkOptions } from './component/work-options.ts';
export { AppError, isAppError, type ErrorCode, type ErrorKind } from './errors/index.ts';
export {
  ServerFrontend,
  StaticWebFrontend,
  type Frontend,
  type ServerFrontendOptions,
} from './frontend/frontend.ts';
export { BuildConfig, type BuildConfigOptions } from './hardware/build-config.ts';
export {
  CloudCompute,
  type CloudComputeOptions,
  type InstanceTypeOptions,
} from './hardware/cloud-compute.ts';
export { isSuspension } from './loop/suspension.ts';
export type { AppStage, WorkStage, WorkStatus } from './protocol/events.ts';
export type { Json, JsonObject } from './state/json.ts';
export type { Operation } from './state/operation.ts';
export { snapshot } from './state/tracked.ts';
