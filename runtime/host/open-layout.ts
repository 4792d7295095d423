/** What a running app shows to people: its layout, kept up to date, and the frontends that it names. */
import type { App } from '../component/app.ts';
import { renderError, type AppError } from '../errors/index.ts';
import type { FlowLoop } from '../loop/flow-loop.ts';
import { keepLayout } from '../loop/layout-keeper.ts';
import type { Clock } from '../ports/clock.ts';
import { Frontends, type FrontendsOptions } from './frontends.ts';
import { LayoutBoard } from './layout-board.ts';

export interface OpenLayoutOptions extends Omit<
  FrontendsOptions,
  'changed' | 'failed' | 'rootPath'
> {
  readonly app: App;
  /** Open: its works have their names and states. */
  readonly loop: FlowLoop;
  readonly clock: Clock;
  /** Hears warnings for people. */
  readonly warn: (message: string) => void;
}

export interface OpenedLayout {
  readonly board: LayoutBoard;
  /** Kills the frontends' servers at once. */
  kill(): Promise<void>;
  /** Ends the frontends' servers. */
  close(): Promise<void>;
}

export async function openLayout(options: OpenLayoutOptions): Promise<OpenedLayout> {
  const { app, loop, clock, warn } = options;
  const { rootPath } = app.options;
  const frontends = await Frontends.open({
    ...options,
    rootPath,
    changed: () => board.refresh(),
    failed: (error: AppError) => warn(renderError(error)),
  });
  const board = new LayoutBoard({ root: app.flow, rootPath, frontends, warn });
  const end = keepLayout({
    root: app.flow,
    clock,
    loop,
    changed: (layout) => board.update(layout),
  });
  return {
    board,
    kill: () => frontends.kill(),
    close: async () => {
      end();
      await frontends.close();
    },
  };
}
