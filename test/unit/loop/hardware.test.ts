import { describe, test } from 'vitest';
import { App, CloudCompute, Dict, Flow, Work } from '../../../runtime/index.ts';
import { hardwareCheck } from '../../../runtime/loop/hardware-check.ts';

class Job extends Work<object> {
  run(): void {
    // Only its hardware matters here.
  }
}

class Root extends Flow {
  built = new Job({ cloudCompute: new CloudCompute({ instanceType: 'g6e.xlarge' }) });
  more = new Dict<Job>();
  run(): void {
    // Nothing runs.
  }
}

const jobOn = (...compute: ConstructorParameters<typeof CloudCompute>): Job =>
  new Job({ cloudCompute: new CloudCompute(...compute) });

describe('hardware of works that are attached at run time', () => {
  test('that was not deployed is refused where it cannot be had, with the line to add', ({
    expect,
  }) => {
    const check = hardwareCheck(new App(new Root()), () => undefined, true);
    const refused = (job: Job): unknown => {
      try {
        check(job, 'root.more.x');
        return null;
      } catch (error) {
        return error;
      }
    };
    expect(refused(jobOn('gpu'))).toBeNull();
    expect(
      refused(new Job({ cloudCompute: new CloudCompute({ instanceType: 'g6e.xlarge' }) })),
    ).toBeNull();
    expect(
      refused(new Job({ cloudCompute: new CloudCompute({ instanceType: 'p5.48xlarge' }) })),
    ).toMatchObject({ code: 'HARDWARE_NOT_DECLARED', at: 'root.more.x' });
    expect(refused(jobOn('gpu', { interruptible: true }))).toMatchObject({
      code: 'HARDWARE_NOT_DECLARED',
      hint: expect.stringContaining(`new CloudCompute('gpu', { interruptible: true })`),
    });
  });

  test('is only warned about where it does not matter, once', ({ expect }) => {
    const warnings: string[] = [];
    const check = hardwareCheck(new App(new Root()), (text) => void warnings.push(text), false);
    const job = new Job({ cloudCompute: new CloudCompute({ instanceType: 'p5.48xlarge' }) });
    check(job, 'root.more.x');
    check(job, 'root.more.y');
    expect(warnings).toHaveLength(1);
  });
});
