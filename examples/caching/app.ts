/** Once a day: download and process, then train. The flow runs all the time; caching makes each day run once. */
import { App, Flow, Work } from 'stormkite';

const DAY_MS = 24 * 60 * 60 * 1_000;

export class DataProcessor extends Work {
  data = '';

  run(today: string) {
    this.data = `measurements of ${today}`;
    console.log(`processed ${today}`);
  }
}

export class TrainModel extends Work {
  run(data: string) {
    console.log(`trained on ${data}`);
  }
}

export class Daily extends Flow {
  dataProcessor = new DataProcessor();
  trainModel = new TrainModel();
  /** Set it from outside to see tomorrow today: `stormkite state set /vars/daysAhead 1`. */
  daysAhead = 0;

  run() {
    const today = new Date(Date.now() + this.daysAhead * DAY_MS).toISOString().slice(0, 10);
    this.dataProcessor.run(today);
    this.trainModel.run(this.dataProcessor.data);
    console.log(`${today} is done`);
  }
}

export default new App(new Daily());
