/**
 * Asks the components of an app what they show to people, and makes one list of tabs of it.
 *
 * L1 User code that fails, or gives what no tab can show, costs its own tab only: that tab tells the error.
 * L2 Evaluating starts nothing and changes nothing.
 */
import { defaultLayoutOf, TAB_SEPARATOR } from '../component/default-layout.ts';
import type { Component } from '../component/component.ts';
import { Flow } from '../component/flow.ts';
import { isComponent, metaOf } from '../component/meta.ts';
import { isFlow, isWork, worksBelow } from '../component/tree.ts';
import { describe } from '../component/untracked.ts';
import { Work } from '../component/work.ts';
import { appError, isAppError, type AppError } from '../errors/index.ts';
import { isFrontend } from '../frontend/frontend.ts';
import { toFrontendSpec, type FrontendSpec } from '../frontend/frontend-spec.ts';

/** Name of the one tab of an app whose root gives no list. */
const HOME = 'Home';

/** What a tab shows. */
export type TabContent =
  | { readonly kind: 'frontend'; readonly frontend: FrontendSpec }
  | { readonly kind: 'url'; readonly url: string }
  /** A work's own server; `place` is what follows its address. */
  | { readonly kind: 'work'; readonly work: string; readonly place: string }
  | { readonly kind: 'empty'; readonly error?: AppError };

export interface EvaluatedTab {
  /** Unlike that of any other tab: it is what a tab is addressed by. */
  readonly name: string;
  /** Full name of the component that it shows, or whose layout names it. */
  readonly path: string;
  readonly content: TabContent;
}

export interface EvaluatedLayout {
  readonly tabs: readonly EvaluatedTab[];
  readonly errors: readonly AppError[];
}

export function evaluateLayout(root: Flow): EvaluatedLayout {
  return new Evaluation(root).evaluate();
}

/** A tab whose name is still relative to what contains it; empty for the only one of a component. */
type Part = EvaluatedTab;

class Evaluation {
  readonly #root: Flow;
  readonly #errors: AppError[] = [];
  /** Components whose layout is being read: none may contain itself. */
  readonly #open = new Set<Component>();
  #addresses: Map<string, string> | null = null;
  #answering: Set<string> | null = null;

  constructor(root: Flow) {
    this.#root = root;
  }

  evaluate(): EvaluatedLayout {
    const tabs = this.#component(this.#root).map((part) =>
      part.name === '' ? { ...part, name: HOME } : part,
    );
    return { tabs: withOwnNames(tabs), errors: this.#errors };
  }

  /** The tabs of a component. */
  #component(component: Component): Part[] {
    const { kind, name } = metaOf(component);
    if (this.#open.has(component)) return [this.#wrong(name, '', 'it contains itself')];
    this.#open.add(component);
    try {
      if (kind === 'dict' || kind === 'list')
        return this.#list(name, defaultLayoutOf(component), true);
      if (isWork(component)) return this.#work(component);
      return isFlow(component) ? this.#flow(component) : [];
    } finally {
      this.#open.delete(component);
    }
  }

  #flow(flow: Flow): Part[] {
    const isDefault = flow.configureLayout === Flow.prototype.configureLayout;
    const asked = this.#ask(flow);
    return 'failed' in asked ? [asked.failed] : this.#layout(flow.name, asked.layout, isDefault);
  }

  #work(work: Work): Part[] {
    if (work.configureLayout === Work.prototype.configureLayout)
      return [{ name: '', path: work.name, content: serverOf(work.name) }];
    const asked = this.#ask(work);
    if ('failed' in asked) return [asked.failed];
    const { layout } = asked;
    return layout === null
      ? [{ name: '', path: work.name, content: { kind: 'empty' } }]
      : this.#layout(work.name, layout, false);
  }

  #ask(component: Flow | Work): { readonly layout: unknown } | { readonly failed: Part } {
    try {
      return { layout: component.configureLayout() };
    } catch (cause) {
      const { name } = component;
      const problem = cause instanceof Error ? cause.message : describe(cause);
      const error = isAppError(cause, 'FRONTEND_OPTION_INVALID')
        ? cause
        : appError('LAYOUT_FAILED', { component: name, problem }, { cause, at: name });
      return { failed: this.#failed(name, '', error) };
    }
  }

  /** @param isDefault - whether the user's code says nothing about it, so that tabs without anything are left out */
  #layout(owner: string, layout: unknown, isDefault: boolean): Part[] {
    if (layout === null) return [];
    if (Array.isArray(layout)) return this.#list(owner, layout, isDefault);
    if (isTab(layout)) return this.#list(owner, [layout], isDefault);
    if (isFrontend(layout) || typeof layout === 'string')
      return [{ name: '', path: owner, content: this.#content(owner, '', layout) }];
    if (isComponent(layout)) return this.#list(owner, [{ name: '', content: layout }], isDefault);
    return [this.#wrong(owner, '', `it returned ${shownOf(layout)}`)];
  }

  #list(owner: string, list: readonly unknown[], isDefault: boolean): Part[] {
    return list.flatMap((entry, index): Part[] => {
      const number = `tab ${index + 1}`;
      if (typeof entry !== 'object' || entry === null || isComponent(entry) || isFrontend(entry))
        return [
          this.#wrong(owner, number, `${number} is ${shownOf(entry)} and no { name, content }`),
        ];
      const { name, content } = entry as { readonly name?: unknown; readonly content?: unknown };
      if (typeof name !== 'string' || (name === '' && list.length > 1))
        return [this.#wrong(owner, number, `${number} has no name`)];
      if (!('content' in entry))
        return [this.#wrong(owner, name, `the tab "${name}" has no content`)];
      const tabs = this.#tab(owner, name, content);
      return isDefault ? tabs.filter((tab) => !this.#hasNothing(tab)) : tabs;
    });
  }

  #tab(owner: string, name: string, content: unknown): Part[] {
    if (content === null || content === undefined)
      return [{ name, path: owner, content: { kind: 'empty' } }];
    if (!isComponent(content))
      return [{ name, path: owner, content: this.#content(owner, name, content) }];
    const problem = this.#problemOf(content);
    if (problem !== null)
      return [this.#wrong(owner, name, `the tab "${name}" shows ${describe(content)}, ${problem}`)];
    const inner = this.#component(content);
    const [only] = inner;
    if (inner.length === 1 && only !== undefined) return [{ ...only, name: name || only.name }];
    return inner.map((part) => ({ ...part, name: joined(name, part.name) }));
  }

  /** Why a component cannot be shown. */
  #problemOf(component: Component): string | null {
    const { deleted, name } = metaOf(component);
    if (deleted) return 'which was deleted';
    let top = component;
    for (let next = metaOf(top).parent; next !== null; next = metaOf(top).parent) top = next;
    return name === '' || top !== this.#root ? 'which is no part of the app' : null;
  }

  #content(owner: string, name: string, content: unknown): TabContent {
    if (isFrontend(content)) return { kind: 'frontend', frontend: toFrontendSpec(owner, content) };
    if (typeof content === 'string') return this.#url(owner, name, content);
    const what = name === '' ? 'it' : `the tab "${name}"`;
    return this.#wrong(owner, name, `${what} shows ${shownOf(content)}`).content;
  }

  #url(owner: string, name: string, text: string): TabContent {
    // `work.url` is empty until the work answers, and `work.url + '/lab'` begins with a slash.
    if (text === '' || text.startsWith('/')) return { kind: 'empty' };
    const url = URL.canParse(text) ? new URL(text) : null;
    if (url === null || !/^https?:$/.test(url.protocol)) {
      const shown = JSON.stringify(text);
      return this.#wrong(owner, name, `${shown} is no address that begins with http:// or https://`)
        .content;
    }
    const work = this.#addressesOfWorks().get(url.origin);
    return work === undefined
      ? { kind: 'url', url: url.href }
      : { kind: 'work', work, place: `${url.pathname}${url.search}${url.hash}` };
  }

  /** Works by the origin of their own server. */
  #addressesOfWorks(): ReadonlyMap<string, string> {
    this.#addresses ??= new Map(
      worksBelow(this.#root)
        .filter(({ url }) => URL.canParse(url))
        .map(({ name, url }) => [new URL(url).origin, name]),
    );
    return this.#addresses;
  }

  /** Whether nothing is there that the user would want to see, nor an error. */
  #hasNothing({ content }: Part): boolean {
    if (content.kind === 'empty') return content.error === undefined;
    if (content.kind !== 'work') return false;
    this.#answering ??= new Set(this.#addressesOfWorks().values());
    return !this.#answering.has(content.work);
  }

  #wrong(owner: string, name: string, problem: string): Part & { content: { kind: 'empty' } } {
    return this.#failed(
      owner,
      name,
      appError('LAYOUT_INVALID', { component: owner, problem }, { at: owner }),
    );
  }

  #failed(path: string, name: string, error: AppError): Part & { content: { kind: 'empty' } } {
    this.#errors.push(error);
    return { name, path, content: { kind: 'empty', error } };
  }
}

/** Names may come from the app's data, so two tabs of one name are no mistake: those after the first are given numbers. */
function withOwnNames(tabs: readonly EvaluatedTab[]): EvaluatedTab[] {
  const given = new Set(tabs.map(({ name }) => name));
  const taken = new Set<string>();
  return tabs.map((tab) => {
    let name = tab.name;
    for (let number = 2; taken.has(name); number += 1) {
      const next = `${tab.name} (${number})`;
      if (!given.has(next)) name = next;
    }
    taken.add(name);
    return { ...tab, name };
  });
}

function serverOf(work: string): TabContent {
  return { kind: 'work', work, place: '/' };
}

function isTab(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    !isComponent(value) &&
    !isFrontend(value) &&
    ('content' in value || 'name' in value)
  );
}

function joined(outer: string, inner: string): string {
  return [outer, inner].filter((name) => name !== '').join(TAB_SEPARATOR);
}

function shownOf(value: unknown): string {
  if (value instanceof Promise) return 'a promise; configureLayout must not be asynchronous';
  return describe(value);
}
