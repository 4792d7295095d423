/** A schedule is true at once and then by the clock; an iteration goes on where it was suspended. */
import { App, Flow, Work } from 'stormkite';

export class Step extends Work {
  done: string[] = [];
  run(item: string) {
    this.done.push(item);
  }
}

export class Root extends Flow {
  step = new Step();
  ticks = 0;
  run() {
    if (this.schedule('* * * * * *')) this.ticks += 1;
    for (const item of this.iterate(['a', 'b', 'c'])) this.step.run(item);
    if (this.ticks >= 2) this.stop(this.step.done.join(' '));
  }
}

export default new App(new Root());
