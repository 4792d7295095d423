/** A work is stopped, started again, given other arguments, and deleted. */
import { App, Dict, Flow, Work } from 'stormkite';

export class Job extends Work {
  runs: number[] = [];
  constructor() {
    super({ parallel: true });
  }
  run(n: number) {
    this.runs.push(n);
    console.log(`run ${n}`);
  }
}

export class Root extends Flow {
  job = new Job();
  gone = new Dict<Job>();
  phase = 'first';
  kept: number[] = [];
  run() {
    const { job } = this;
    if (this.phase === 'first') {
      job.run(1);
      if (!job.hasSucceeded) return;
      job.stop();
      this.phase = 'stopping';
    }
    if (this.phase === 'stopping') {
      if (!job.hasStopped) return;
      job.start();
      job.run(1);
      job.run(2);
      this.phase = 'second';
    }
    if (this.phase === 'second') {
      if (job.numSuccesses < 2) return;
      this.gone['x'] ??= new Job();
      this.gone['x'].run(3);
      if (!this.gone['x'].hasSucceeded) return;
      delete this.gone['x'];
      this.kept = [...job.runs];
      this.phase = 'deleted';
    }
    this.stop(`ran ${this.kept.join(' ')}, left ${Object.keys(this.gone).length}`);
  }
}

export default new App(new Root());
