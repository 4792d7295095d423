import { App, Flow } from 'stormkite';
import { testApp, type TestApp } from 'stormkite/testing';
import { Step } from './step.ts';

/** A flow with one work: it does what its `ask` says, once, and calls the work with each of its `calls` in every turn. */
export class OneStep extends Flow {
  step: Step;
  ask: unknown[] = [];
  calls: unknown[][] = [];
  constructor(step = new Step()) {
    super();
    this.step = step;
  }
  run(): void {
    const [verb] = this.ask;
    this.ask = [];
    if (verb === 'start') this.step.start();
    if (verb === 'stop') this.step.stop();
    if (verb === 'restart') {
      this.step.stop();
      this.step.start();
    }
    if (verb === 'end') this.stop('as asked');
    for (const args of this.calls) this.step.run(...args);
  }
}

export function open(
  step?: () => Step,
  options: Parameters<typeof testApp>[1] = {},
): Promise<TestApp<OneStep>> {
  return testApp(() => new App(new OneStep(step?.()), { idleTurn: null }), options);
}

/** Lets the flow do something, once. */
export function ask(app: TestApp<OneStep>, verb: string) {
  return app.patch([{ op: 'add', path: '/vars/ask/-', value: verb }]);
}

/** Lets the flow call the work from now on. */
export function call(app: TestApp<OneStep>, ...args: unknown[]) {
  return app.patch([{ op: 'add', path: '/vars/calls/-', value: args as never }]);
}
