/** A failure of a work fails the app. */
import { App, Flow, Work } from 'stormkite';

export class Fails extends Work {
  reached = 0;
  run() {
    this.reached = 1;
    throw new RangeError('too much');
  }
}

export class Root extends Flow {
  work = new Fails();
  run() {
    this.work.run();
    this.stop('never');
  }
}

export default new App(new Root());
