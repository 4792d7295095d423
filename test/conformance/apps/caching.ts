/** A cached work runs once for each set of arguments, an uncached one after each completion. */
import { App, Flow, Work } from 'stormkite';

export class Cached extends Work {
  seen: number[] = [];
  constructor() {
    super({ parallel: true });
  }
  run(args: { value: number }) {
    this.seen.push(args.value);
    console.log(`cached ${args.value}`);
  }
}

export class Again extends Work {
  runs = 0;
  constructor() {
    super({ parallel: true, cacheCalls: false });
  }
  run() {
    this.runs += 1;
    if (this.runs <= 2) console.log(`again ${this.runs}`);
  }
}

export class Root extends Flow {
  cached = new Cached();
  again = new Again();
  run() {
    for (const value of [1, 1, 1, 10, 1]) this.cached.run({ value });
    this.again.run();
    if (this.cached.numSuccesses < 2 || this.again.runs < 2) return;
    this.again.stop();
    if (this.again.hasStopped) this.stop(`cached ran ${this.cached.seen.join(' ')}`);
  }
}

export default new App(new Root());
