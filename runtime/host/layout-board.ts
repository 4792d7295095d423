/** Puts together what the app's layout says and what its frontends and works are doing. */
import type { Flow } from '../component/flow.ts';
import { metaOf } from '../component/meta.ts';
import { componentByName, isWork } from '../component/tree.ts';
import type { Work } from '../component/work.ts';
import { isAppError, renderError, type AppError } from '../errors/index.ts';
import { logSourceOf } from '../frontend/frontend-spec.ts';
import type { EvaluatedLayout, EvaluatedTab } from '../loop/layout.ts';
import {
  frontendPathOf,
  workPathOf,
  type LayoutTabView,
  type LayoutView,
} from '../protocol/layout.ts';
import type { LayoutSource, ServedFrontend, Upstream } from '../server/layout-source.ts';
import type { Frontends, ShownFrontend } from './frontends.ts';
import { workUpstreamOf } from './work-upstream.ts';

const MAX_WARNINGS = 1_000;

export interface LayoutBoardParts {
  readonly root: Flow;
  readonly rootPath: string;
  readonly frontends: Frontends;
  /** Hears each problem of a layout once. */
  readonly warn: (message: string) => void;
}

export class LayoutBoard implements LayoutSource {
  readonly #parts: LayoutBoardParts;
  readonly #listeners = new Set<() => void>();
  readonly #warned = new Set<string>();
  #evaluated: EvaluatedLayout = { tabs: [], errors: [] };
  #view: LayoutView = { tabs: [], headless: true };
  #shown = '';

  constructor(parts: LayoutBoardParts) {
    this.#parts = parts;
  }

  view(): LayoutView {
    return this.#view;
  }

  frontend(id: string): ServedFrontend | null {
    return this.#parts.frontends.get(id)?.served ?? null;
  }

  work(name: string): Upstream | null {
    const work = findWork(this.#parts.root, name);
    return work === null ? null : workUpstreamOf(work);
  }

  /** Hears that {@link view} changed. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes the layout as it was read last. */
  update(evaluated: EvaluatedLayout): void {
    this.#evaluated = evaluated;
    for (const error of evaluated.errors) this.#warn(error);
    const specs = evaluated.tabs.flatMap(({ content }) =>
      content.kind === 'frontend' ? [content.frontend] : [],
    );
    // Who fails to say what it shows may still show what it showed before.
    this.#parts.frontends.want(specs, { isComplete: evaluated.errors.length === 0 });
    this.refresh();
  }

  /** Looks again at what frontends and works are doing. */
  refresh(): void {
    const tabs = this.#evaluated.tabs.map((tab) => this.#tab(tab));
    const view = { tabs, headless: tabs.length === 0 };
    const shown = JSON.stringify(view);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#view = view;
    for (const listener of this.#listeners) listener();
  }

  #tab({ name, path, content }: EvaluatedTab): LayoutTabView {
    const { frontends, root, rootPath } = this.#parts;
    switch (content.kind) {
      case 'url':
        return { name, kind: 'url', url: content.url, ready: true, path };
      case 'empty': {
        const { error } = content;
        const shown = { name, kind: 'empty', url: '', ready: false, path } as const;
        return error === undefined ? shown : { ...shown, error: toLayoutError(error) };
      }
      case 'frontend': {
        const { id } = content.frontend;
        const url = `${frontendPathOf(rootPath, id)}/`;
        return {
          name,
          kind: 'frontend',
          url,
          path,
          log: logSourceOf(id),
          ...doingOf(frontends.get(id)),
        };
      }
      case 'work': {
        const work = findWork(root, content.work);
        const upstream = work === null ? null : workUpstreamOf(work);
        return {
          name,
          kind: 'work',
          url: placeBelow(workPathOf(rootPath, content.work), content.place),
          ready: upstream?.address !== null && upstream !== null,
          path: content.work,
          log: content.work,
          ...(upstream?.address === null ? { message: upstream.doing } : {}),
        };
      }
    }
  }

  #warn(error: AppError): void {
    const key = `${error.code} ${error.at ?? ''} ${error.message}`;
    if (this.#warned.has(key) || this.#warned.size >= MAX_WARNINGS) return;
    this.#warned.add(key);
    this.#parts.warn(renderError(error));
  }
}

function doingOf(shown: ShownFrontend | null): Pick<LayoutTabView, 'ready' | 'message' | 'error'> {
  if (shown === null) return { ready: false };
  if (shown.error !== null) return { ready: false, error: toLayoutError(shown.error) };
  return shown.isReady ? { ready: true } : { ready: false, message: shown.doing };
}

/** A place of a work's own server, below the path at which the app shows it; servers that know the path have it already. */
function placeBelow(path: string, place: string): string {
  const isBelow = place === path || place.startsWith(`${path}/`) || place.startsWith(`${path}?`);
  return isBelow ? place : `${path}${place}`;
}

function findWork(root: Flow, name: string): Work | null {
  try {
    const component = componentByName(root, name);
    return isWork(component) && !metaOf(component).deleted ? component : null;
  } catch (error) {
    if (isAppError(error, 'COMPONENT_UNKNOWN')) return null;
    throw error;
  }
}

function toLayoutError({ code, message, hint }: AppError): NonNullable<LayoutTabView['error']> {
  return hint === undefined ? { code, message } : { code, message, hint };
}
