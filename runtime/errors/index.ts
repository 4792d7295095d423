export { AppError, appError, isAppError } from './app-error.ts';
export { background, onBackgroundFailure } from './background.ts';
export type { ErrorKind } from './define-code.ts';
export { registry, type ErrorCode } from './registry.ts';
export { renderError } from './render.ts';
export { fromWire, toWire, type WireError } from './wire.ts';
