/** Option 1: a work is created and attached in `run`, by assigning it to a field of the flow. */
import { App, Flow, Work } from 'stormkite';

export class Job extends Work<{ title: string }> {
  run() {
    console.log(`${this.props.title} runs as ${this.name}`);
  }
}

export class Root extends Flow {
  /** Nothing yet: `??=` attaches a work when there is none. */
  first?: Job;
  /** Not even a field yet: asked for with `in`, as the original does with `hasattr`. */
  declare second?: Job;

  run() {
    this.first ??= new Job({ title: 'the first job' });
    this.first.run();
    this.first.stop();

    if (!('second' in this)) this.second = new Job({ title: 'the second job' });
    this.second?.run();
    this.second?.stop();

    this.stop(`ran ${this.works.map(({ name }) => name).join(' and ')}`);
  }
}

export default new App(new Root());
