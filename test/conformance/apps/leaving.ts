/** What a work wrote and printed before it left its process stays; the call has failed. */
import { App, Flow, Work } from 'stormkite';

export class Leaver extends Work {
  n = 0;
  constructor() {
    super({ raiseException: false });
  }
  run() {
    for (let i = 1; i <= 300; i += 1) this.n = i;
    console.log('leaving');
    process.exit(3);
  }
}

export class Root extends Flow {
  leaver = new Leaver();
  run() {
    this.leaver.run();
    this.stop(`n ${this.leaver.n}, reason ${this.leaver.status.reason}`);
  }
}

export default new App(new Root());
