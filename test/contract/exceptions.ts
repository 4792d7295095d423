import { test, type TestContext } from 'vitest';

/** Cases that an adapter cannot meet, by title, each with its reason. */
export type Exceptions = Readonly<Record<string, string>>;

/** `test`, but for the cases that the adapter cannot meet: they are shown as skipped, with the reason. */
export function contractTest(exceptions: Exceptions) {
  return (title: string, run: (context: TestContext) => Promise<void> | void): void => {
    const reason = exceptions[title];
    if (reason === undefined) test(title, run);
    else test(`${title} (cannot be met: ${reason})`, ({ skip }) => skip(reason));
  };
}
