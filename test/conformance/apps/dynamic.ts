/** Works come and go in a Dict, a List and a field. */
import { App, Dict, Flow, List, Work } from 'stormkite';

export class Job extends Work<{ title: string }> {
  done = '';
  constructor(props: { title: string }) {
    super({ parallel: true, ...props });
  }
  run(n: number) {
    this.done = `${this.props.title} ${n}`;
    console.log(`${this.name} did ${this.done}`);
  }
}

export class Root extends Flow {
  named = new Dict<Job>();
  listed = new List<Job>();
  later?: Job;
  finished: string[] = [];
  run() {
    (this.named['a'] ??= new Job({ title: 'in a dict' })).run(1);
    if (this.listed.length === 0) this.listed.push(new Job({ title: 'in a list' }));
    this.listed[0]?.run(2);
    this.later ??= new Job({ title: 'in a field' });
    this.later.run(3);
    const jobs = [this.named['a'], this.listed[0], this.later];
    if (!jobs.every((job) => job?.hasSucceeded)) return;
    this.finished = jobs.map((job) => job?.done ?? '');
    delete this.named['a'];
    this.stop('all done');
  }
}

export default new App(new Root());
