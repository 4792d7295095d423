/** onStart comes before the first call, onException decides what a failure is, onExit comes last. */
import { App, Flow, Work } from 'stormkite';

export class Hooked extends Work {
  steps: string[] = [];
  constructor() {
    super({ parallel: true });
  }
  override async onStart() {
    await Promise.resolve();
    this.steps.push('started');
    console.log('onStart');
  }
  override onException(error: unknown) {
    this.steps.push('swallowed');
    console.log(`onException ${error instanceof Error ? error.message : ''}`);
  }
  override onExit() {
    console.log('onExit');
  }
  run() {
    this.steps.push('ran');
    throw new Error('on purpose');
  }
}

export class Root extends Flow {
  work = new Hooked();
  run() {
    this.work.run();
    if (!this.work.hasFailed) return;
    this.work.stop();
    if (this.work.hasStopped) this.stop(this.work.steps.join(' '));
  }
}

export default new App(new Root());
