/** Caching without any app: a work's `run` remembers the arguments that it was called with. */
import { Work } from 'stormkite';

class ExampleWork extends Work {
  run(props: { value: number }) {
    console.log('I received the following props:', JSON.stringify(props));
  }
}

for (const cacheCalls of [true, false]) {
  console.log(`cacheCalls: ${cacheCalls}`);
  const work = new ExampleWork({ cacheCalls });
  work.run({ value: 1 });

  // The same value. Does not run again when calls are cached.
  work.run({ value: 1 });
  work.run({ value: 1 });
  work.run({ value: 1 });
  work.run({ value: 1 });

  // Another value. Not cached, runs.
  work.run({ value: 10 });
}
