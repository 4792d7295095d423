import type { Reporter, TestModule } from 'vitest/node';

/** Names the tests that passed only when they were run again, with what they met the first time. */
export default class FlakyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const module of modules)
      for (const test of module.children.allTests('passed')) {
        if (test.diagnostic()?.flaky !== true) continue;
        const [error] = test.result().errors ?? [];
        console.error(
          `flaky: ${module.relativeModuleId} > ${test.fullName}: ${error?.message ?? 'no error was kept'}`,
        );
      }
  }
}
