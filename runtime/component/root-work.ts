import { Flow } from './flow.ts';
import type { Work } from './work.ts';

/** Runs a work that is the root of an app: once, then ends the app. */
export class RootWork extends Flow {
  work: Work<object>;

  constructor(work: Work<object>) {
    super();
    this.work = work;
  }

  override run(): void {
    // Before it is run: one that does not cache its calls would be run again.
    if (this.work.hasSucceeded) {
      this.work.stop();
      this.stop();
    }
    (this.work as { run(): unknown }).run();
    if (this.work.hasFailed) this.fail(`${this.work.name} failed`);
  }
}
