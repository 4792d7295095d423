/** What tests of suspended turns share. */
import { isAppError, type Flow } from 'stormkite';
import type { TestApp } from 'stormkite/testing';
import { Step } from './step.ts';

export const blocking = (): Step => new Step({ parallel: false });

/** Code of the app's failure, or its stage; `null` while it runs. */
export const codeOf = (app: TestApp<Flow>): string | null =>
  isAppError(app.result?.error) ? app.result.error.code : (app.result?.stage ?? null);
