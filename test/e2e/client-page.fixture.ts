/** The page of the client's browser test: React over the client, bundled by the test. */
import { createElement as h, StrictMode, Suspense, type ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { connect } from '../../runtime/client/index.ts';
import { useAppState, useConnection } from '../../runtime/client/react.ts';
import type { App } from '../../runtime/component/app.ts';
import type { Notebooks } from '../integration/client/notebooks-app.ts';

const app = connect<App<Notebooks>>({ reconnect: { minMs: 20, maxMs: 100 } });
const renders = { log: 0, config: 0 };

function Log(): ReactNode {
  renders.log += 1;
  const sum = useAppState(app, (state) => ({ count: state.log.length, last: state.log.at(-1) }));
  return h('output', { id: 'log' }, `${sum.count} entries, last ${sum.last}`);
}

function Config(): ReactNode {
  renders.config += 1;
  const { lr } = useAppState(app, (state) => state.config);
  const mode = useAppState(app, '/vars/mode');
  const slower = (): void => {
    app.state.config.lr = lr / 2;
    app.state.mode = 'slow';
  };
  return h(
    'button',
    { id: 'config', onClick: slower },
    `${lr} ${mode === 'slow' ? 'slow' : 'fast'}`,
  );
}

function Banner(): ReactNode {
  return h('p', { id: 'banner' }, useConnection(app).status);
}

/** The page has one; the compiler is not told of pages. */
const { document } = globalThis as unknown as {
  document: { querySelector(selector: string): Parameters<typeof createRoot>[0] };
};
createRoot(document.querySelector('#root')).render(
  h(
    StrictMode,
    null,
    h(Banner),
    h(Suspense, { fallback: h('p', { id: 'waiting' }, 'waiting') }, h(Log), h(Config)),
  ),
);
Object.assign(globalThis, { app, renders });
