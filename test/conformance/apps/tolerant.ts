/** Without raiseException the flow sees the failure and goes on, with other arguments. */
import { App, Flow, Work } from 'stormkite';

export class Picky extends Work {
  accepted: number[] = [];
  constructor() {
    super({ raiseException: false });
  }
  run(n: number) {
    if (n < 0) throw new RangeError(`${n} is negative`);
    this.accepted.push(n);
  }
}

export class Root extends Flow {
  work = new Picky();
  message = '';
  run() {
    this.work.run(-1);
    if (this.message === '') this.message = this.work.status.message ?? '';
    this.work.run(1);
    this.stop(`accepted ${this.work.accepted.join(' ')} after "${this.message.split('\n')[0]}"`);
  }
}

export default new App(new Root());
