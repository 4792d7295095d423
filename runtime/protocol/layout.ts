/** The layout of an app as clients see it, and the paths below which it serves user interfaces. */

export const layoutTabKinds = ['frontend', 'url', 'work', 'empty'] as const;
export type LayoutTabKind = (typeof layoutTabKinds)[number];

/** One tab. */
export interface LayoutTabView {
  readonly name: string;
  readonly kind: LayoutTabKind;
  /** What an iframe loads: a path of the app's own origin for frontends and works; empty when there is nothing to load. */
  readonly url: string;
  /** Whether {@link url} answers now. */
  readonly ready: boolean;
  /** Full name of the component that the tab shows, or whose layout names its URL. */
  readonly path: string;
  /** What it is doing while it is not ready. */
  readonly message?: string;
  /** Source of its log lines. */
  readonly log?: string;
  /** Why it cannot be shown. */
  readonly error?: LayoutError;
}

export interface LayoutError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

export interface LayoutView {
  readonly tabs: readonly LayoutTabView[];
  /** True when no tab will ever show anything: the app has no user interface of its own. */
  readonly headless: boolean;
}

/**
 * A root path as it is used in addresses: empty, or with a slash before and none after it.
 *
 * @param rootPath - as the app gives it
 */
export function toRootPath(rootPath: string): string {
  const inner = rootPath.replaceAll(/^\/+|\/+$/g, '');
  return inner === '' ? '' : `/${inner}`;
}

/** Path below which a frontend is served; without a slash at its end. */
export function frontendPathOf(rootPath: string, id: string): string {
  return `${toRootPath(rootPath)}/frontends/${id}`;
}

/** Path below which a work's own server is served; without a slash at its end. */
export function workPathOf(rootPath: string, work: string): string {
  return `${toRootPath(rootPath)}/works/${encodeURIComponent(work)}`;
}

/** Environment variable that tells a server the path below which it is served. */
export const ROOT_PATH_VARIABLE = 'STORMKITE_ROOT_PATH';
/** Environment variable with the address of the app, for its clients. */
export const STATE_URL_VARIABLE = 'STORMKITE_STATE_URL';
/** Environment variable with the token of an app that needs one. */
export const STATE_TOKEN_VARIABLE = 'STORMKITE_TOKEN';
