import type { LayoutView } from '../protocol/layout.ts';

/** What the server shows of an app beside its state; whoever runs the app implements it. */
export interface LayoutSource {
  view(): LayoutView;
  /** What is served below `/frontends/<id>`; `null` when the layout has no such frontend. */
  frontend(id: string): ServedFrontend | null;
  /** What is served below `/works/<name>`; `null` when there is no such work. */
  work(name: string): Upstream | null;
}

export type ServedFrontend =
  | { readonly kind: 'static'; readonly directory: string }
  | { readonly kind: 'server'; readonly upstream: Upstream };

/** A server of the app's own, to which requests are passed on. */
export interface Upstream {
  /** For people: `root.nb`, `the frontend of root`. */
  readonly title: string;
  /** Where it answers; `null` while it does not. */
  readonly address: UpstreamAddress | null;
  /** What it is doing while it does not answer. */
  readonly doing: string;
  /** `null`: to be found out by asking. */
  readonly stripPrefix: boolean | null;
}

export interface UpstreamAddress {
  readonly host: string;
  readonly port: number;
}

/** The layout of an app that shows nothing. */
export const emptyLayout: LayoutSource = {
  view: () => ({ tabs: [], headless: true }),
  frontend: () => null,
  work: () => null,
};
