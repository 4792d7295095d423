import { App, Flow, isAppError } from 'stormkite';
import { describe, test } from 'vitest';
import { ClassIndex } from '../../../runtime/component/class-ref.ts';
import { attachDefinitions } from '../../../runtime/component/rebuild.ts';
import type { ClassRef } from '../../../runtime/protocol/work-spec.ts';

class Root extends Flow {
  run(): void {}
}

describe('a class that is gone', () => {
  test.for([
    [{ by: 'export', name: 'Train' }, 'Train', 'export class Train '],
    [{ by: 'listed', index: 2 }, 'works[2]', 'back where it was'],
    [{ by: 'tree', name: 'root.train' }, 'root.train', 'back where it was'],
  ] as const satisfies (readonly [ClassRef, string, string])[])(
    'is named by where it was: %o',
    ([ref, named, hint], { expect }) => {
      const app = new App(new Root());
      const definition = { name: 'root.alice', kind: 'work', ref } as const;
      try {
        attachDefinitions(app.flow, [definition], new ClassIndex(app, {}));
        expect.unreachable();
      } catch (error) {
        if (!isAppError(error, 'WORK_CLASS_UNKNOWN')) throw error;
        expect(error.message).toContain(`the class ${named} `);
        expect(error.hint).toContain(hint);
      }
    },
  );
});
