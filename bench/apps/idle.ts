/** Three works that are up: one has nothing to do, one waits in its call, one has ended its call. */
import { once } from 'node:events';
import { App, Flow, Work } from 'stormkite';

export class Quiet extends Work {
  ready = false;

  async run(waits: boolean) {
    this.ready = true;
    if (waits) await once(this.signal, 'abort');
  }
}

export class Root extends Flow {
  unused = new Quiet({ parallel: true });
  waiting = new Quiet({ parallel: true });
  done = new Quiet({ parallel: true });

  async run() {
    await this.waiting.run(true);
    await this.done.run(false);
    if (this.waiting.ready && this.done.hasSucceeded && this.unused.hasStarted)
      console.log('up {}');
  }
}

export default new App(new Root());
