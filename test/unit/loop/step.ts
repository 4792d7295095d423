import { Work, type WorkOptions } from 'stormkite';
import type { TestApp } from 'stormkite/testing';

/** A work for tests; its part is played by the test. */
export class Step extends Work<object> {
  counter = 0;
  log: string[] = [];
  data: { [key: string]: unknown } = {};
  note: string | undefined = undefined;
  constructor(options: WorkOptions = {}) {
    super({ parallel: true, ...options });
  }
  run(..._args: unknown[]): void {}
}

/** Every stage that a work was told to be in, with its reason. */
export function stagesOf(app: Pick<TestApp, 'events'>, work: string): string[] {
  return app.events.flatMap((event) => {
    if (event.type !== 'status' || event.work !== work) return [];
    const { stage, reason } = event.status;
    return [reason === undefined ? stage : `${stage}:${reason}`];
  });
}

/** Stages of the call in flight, else of the latest one. */
export function statusesOf(work: Work<object>): string[] {
  return work.statuses.map(({ stage, reason }) =>
    reason === undefined ? stage : `${stage}:${reason}`,
  );
}
