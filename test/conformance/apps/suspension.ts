/** A call that is not parallel suspends the turn, from whatever depth; what comes after it sees what it did. */
import { App, Flow, Work } from 'stormkite';

export class Double extends Work {
  result = 0;
  run(n: number) {
    this.result = 2 * n;
    console.log(`twice ${n} is ${this.result}`);
  }
}

export class Deep extends Flow {
  inner = new Double();
  run(n: number) {
    this.inner.run(n);
    return this.inner.result;
  }
}

export class Root extends Flow {
  first = new Double();
  deep = new Deep();
  last = new Double();
  results: number[] = [];
  run() {
    this.first.run(1);
    const second = this.deep.run(this.first.result);
    this.last.run(second);
    this.last.run(second + 1);
    this.results = [this.first.result, second, this.last.result];
    this.stop(`results ${this.results.join(' ')}`);
  }
}

export default new App(new Root());
