import { describe, test } from 'vitest';
import {
  App,
  Dict,
  Flow,
  List,
  ServerFrontend,
  StaticWebFrontend,
  Work,
  type Layout,
} from '../../../runtime/index.ts';
import { metaOf } from '../../../runtime/component/meta.ts';
import { evaluateLayout, type EvaluatedLayout } from '../../../runtime/loop/layout.ts';

class Server extends Work {
  run(): void {}
}

class Page extends Work {
  run(): void {}
  override configureLayout(): Layout {
    return new StaticWebFrontend('page');
  }
}

/** A flow that shows whatever a test wants. */
class Shows extends Flow {
  readonly #layout: (self: Shows) => unknown;
  a = new Server();
  b = new Server();

  constructor(layout: (self: Shows) => unknown) {
    super();
    this.#layout = layout;
  }

  run(): void {}

  override configureLayout(): Layout {
    return this.#layout(this) as Layout;
  }
}

class Plain extends Flow {
  a = new Server();
  page = new Page();
  run(): void {}
}

/** As if the work had said where it answers. */
function answers(work: Work, url = 'http://127.0.0.1:8000'): void {
  metaOf(work).fields?.set('_url', url);
}

function layoutOf(root: Flow): EvaluatedLayout {
  const app = new App(root);
  return evaluateLayout(app.flow);
}

function shown({ tabs }: EvaluatedLayout): string[] {
  return tabs.map(({ name, path, content }) => {
    const what = {
      frontend: () => (content.kind === 'frontend' ? content.frontend.id.slice(0, -9) : ''),
      url: () => (content.kind === 'url' ? content.url : ''),
      work: () => (content.kind === 'work' ? `${content.work}${content.place}` : ''),
      empty: () => (content.kind === 'empty' ? (content.error?.code ?? 'nothing') : ''),
    }[content.kind]();
    return `${name} | ${path} | ${content.kind} ${what}`;
  });
}

function show(layout: (self: Shows) => unknown): string[] {
  return shown(layoutOf(new Shows(layout)));
}

describe('the layout of a flow', () => {
  test('a frontend is the one tab', ({ expect }) => {
    expect(show(() => new StaticWebFrontend('ui'))).toEqual(['Home | root | frontend root']);
    expect(show(() => new ServerFrontend({ command: ['x'] }))).toEqual([
      'Home | root | frontend root',
    ]);
  });

  test('a URL is the one tab', ({ expect }) => {
    expect(show(() => 'https://example.org/a')).toEqual([
      'Home | root | url https://example.org/a',
    ]);
  });

  test('null is no tab', ({ expect }) => {
    expect(show(() => null)).toEqual([]);
  });

  test('a list is its tabs, in order', ({ expect }) => {
    const tabs = show((self) => [
      { name: 'UI', content: new StaticWebFrontend('ui') },
      { name: 'Docs', content: 'https://example.org' },
      { name: 'Work', content: self.a },
      { name: 'Later', content: null },
      { name: 'Unset', content: undefined },
    ]);
    expect(tabs).toEqual([
      'UI | root | frontend root',
      'Docs | root | url https://example.org/',
      'Work | root.a | work root.a/',
      'Later | root | empty nothing',
      'Unset | root | empty nothing',
    ]);
  });

  test('one tab needs no list', ({ expect }) => {
    expect(show(() => ({ name: 'Docs', content: 'https://example.org' }))).toEqual([
      'Docs | root | url https://example.org/',
    ]);
  });

  test('each of several tabs of one name has a name of its own, and none takes that of another', ({
    expect,
  }) => {
    const names = ['S', 'S', 'S (2)', 'S', 'T'];
    const tabs = layoutOf(
      new Shows(() => names.map((name) => ({ name, content: `https://${name[0]}.example` }))),
    ).tabs.map(({ name }) => name);
    expect(tabs).toEqual(['S', 'S (3)', 'S (2)', 'S (4)', 'T']);
  });

  test('tabs of one name in different flows have names of their own', ({ expect }) => {
    class Inner extends Flow {
      run(): void {}
      override configureLayout(): Layout {
        return [
          { name: 'A / B', content: 'http://one' },
          { name: 'B', content: 'http://two' },
        ];
      }
    }
    class Outer extends Flow {
      inner = new Inner();
      run(): void {}
      override configureLayout(): Layout {
        return [
          { name: 'X / A', content: 'http://zero' },
          { name: 'X', content: this.inner },
          { name: 'X / A / B', content: null },
        ];
      }
    }
    expect(shown(layoutOf(new Outer()))).toEqual([
      'X / A | root | url http://zero/',
      'X / A / B | root.inner | url http://one/',
      'X / B | root.inner | url http://two/',
      'X / A / B (2) | root | empty nothing',
    ]);
  });

  test('an address that is not known yet is an empty tab', ({ expect }) => {
    expect(show((self) => [{ name: 'A', content: self.a.url }])).toEqual([
      'A | root | empty nothing',
    ]);
    expect(show((self) => [{ name: 'A', content: `${self.a.url}/lab?token=x` }])).toEqual([
      'A | root | empty nothing',
    ]);
  });

  test('the address of a work leads to its place below the app', ({ expect }) => {
    const root = new Shows((self) => [
      { name: 'A', content: `${self.a.url}/lab?token=x#top` },
      { name: 'B', content: self.b.url },
    ]);
    const app = new App(root);
    answers(root.a);
    answers(root.b, 'http://127.0.0.1:8001');
    expect(shown(evaluateLayout(app.flow))).toEqual([
      'A | root | work root.a/lab?token=x#top',
      'B | root | work root.b/',
    ]);
  });

  test('a flow in a tab shows its own tabs, with both names', ({ expect }) => {
    class Inner extends Flow {
      run(): void {}
      override configureLayout(): Layout {
        return [
          { name: 'One', content: 'http://one' },
          { name: 'Two', content: 'http://two' },
        ];
      }
    }
    class Single extends Flow {
      run(): void {}
      override configureLayout(): Layout {
        return new StaticWebFrontend('single');
      }
    }
    class Root extends Flow {
      inner = new Inner();
      single = new Single();
      run(): void {}
      override configureLayout(): Layout {
        return [
          { name: 'Inner', content: this.inner },
          { name: 'Single', content: this.single },
        ];
      }
    }
    expect(shown(layoutOf(new Root()))).toEqual([
      'Inner / One | root.inner | url http://one/',
      'Inner / Two | root.inner | url http://two/',
      'Single | root.single | frontend root-single',
    ]);
  });

  test('a Dict or List in a tab shows its members', ({ expect }) => {
    class Root extends Flow {
      books = new Dict<Server>({ ada: new Server(), bob: new Server() });
      row = new List<Page>([new Page()]);
      run(): void {}
      override configureLayout(): Layout {
        return [
          { name: 'Books', content: this.books },
          { name: 'Row', content: this.row },
        ];
      }
    }
    const root = new Root();
    const app = new App(root);
    expect(shown(evaluateLayout(app.flow))).toEqual(['Row | root.row.0 | frontend root-row-0']);
    const { ada } = root.books;
    if (ada) answers(ada);
    expect(shown(evaluateLayout(app.flow))).toEqual([
      'Books | root.books.ada | work root.books.ada/',
      'Row | root.row.0 | frontend root-row-0',
    ]);
  });
});

describe('the layout of a flow that says nothing', () => {
  test('has one tab for everything below it that shows something', ({ expect }) => {
    class Named extends Flow {
      left = new Plain();
      more = new Dict<Server>({ x: new Server() });
      quiet = new Server();
      run(): void {}
    }
    const root = new Named();
    const app = new App(root);
    expect(shown(evaluateLayout(app.flow))).toEqual([
      'left | root.left.page | frontend root-left-page',
    ]);
    answers(root.left.a);
    const { x } = root.more;
    if (x) answers(x, 'http://127.0.0.1:8001');
    expect(shown(evaluateLayout(app.flow))).toEqual([
      'left / a | root.left.a | work root.left.a/',
      'left / page | root.left.page | frontend root-left-page',
      'more / x | root.more.x | work root.more.x/',
    ]);
  });

  test('an app without anything to show has no tab', ({ expect }) => {
    class Root extends Flow {
      a = new Server();
      run(): void {}
    }
    expect(layoutOf(new Root()).tabs).toEqual([]);
  });

  test('a work as root shows its server', ({ expect }) => {
    const work = new Server();
    const app = new App(work);
    answers(work);
    expect(shown(evaluateLayout(app.flow))).toEqual(['work | root.work | work root.work/']);
  });
});

describe('a layout that cannot be shown', () => {
  class Other extends Flow {
    run(): void {}
  }

  test.for([
    ['a number', () => 7, 'it returned 7'],
    ['nothing at all', () => undefined, 'it returned undefined'],
    ['a promise', () => Promise.resolve(null), 'it returned a promise'],
    ['a list of URLs', () => ['http://a'], 'tab 1 is "http://a" and no { name, content }'],
    ['a tab without a name', () => [{ content: 'http://a' }], 'tab 1 has no name'],
    [
      'a tab with an empty name',
      () => [
        { name: '', content: 'http://a' },
        { name: 'b', content: '' },
      ],
      'tab 1 has no name',
    ],
    ['a tab without content', () => [{ name: 'A' }], 'the tab "A" has no content'],
    ['a tab with a wrong content', () => [{ name: 'A', content: 7 }], 'the tab "A" shows 7'],
    ['another scheme', () => 'javascript:alert(1)', '"javascript:alert(1)" is no address'],
    ['no address', () => [{ name: 'A', content: 'example.org' }], '"example.org" is no address'],
    [
      'a component of no app',
      () => [{ name: 'A', content: new Other() }],
      'the tab "A" shows a Other, which is no part of the app',
    ],
    ['itself', (self: Shows) => [{ name: 'A', content: self }], 'it contains itself'],
  ] as const)('%s is told in its tab', ([, layout, problem], { expect }) => {
    const { tabs, errors } = layoutOf(new Shows(layout as (self: Shows) => unknown));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ code: 'LAYOUT_INVALID', at: 'root' });
    expect(errors[0]?.message).toContain(`configureLayout of root: ${problem}`);
    const failed = tabs.find(({ content }) => content.kind === 'empty' && 'error' in content);
    expect(failed?.content).toEqual({ kind: 'empty', error: errors[0] });
  });

  test('code that throws costs its own tab only', ({ expect }) => {
    class Throws extends Flow {
      run(): void {}
      override configureLayout(): Layout {
        throw new Error('no luck');
      }
    }
    class Root extends Flow {
      bad = new Throws();
      run(): void {}
      override configureLayout(): Layout {
        return [
          { name: 'Bad', content: this.bad },
          { name: 'Good', content: 'http://good' },
        ];
      }
    }
    const layout = layoutOf(new Root());
    expect(shown(layout)).toEqual([
      'Bad | root.bad | empty LAYOUT_FAILED',
      'Good | root | url http://good/',
    ]);
    expect(layout.errors[0]?.message).toBe('configureLayout of root.bad failed: no luck');
  });

  test('a wrong option of a frontend is told as what it is', ({ expect }) => {
    expect(show(() => new StaticWebFrontend(''))).toEqual([
      'Home | root | empty FRONTEND_OPTION_INVALID',
    ]);
  });

  test('a deleted work is told', ({ expect }) => {
    const root = new Shows((self) => [{ name: 'A', content: self.a }]);
    const app = new App(root);
    metaOf(root.a).deleted = true;
    expect(evaluateLayout(app.flow).errors[0]?.message).toContain('which was deleted');
  });
});
