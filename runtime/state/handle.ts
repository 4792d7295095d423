/** The key under which a tracked proxy shows its node; never visible to user code. */
export const HANDLE: unique symbol = Symbol('stormkite.tracked');

/** What lies behind a tracked proxy. */
export interface Handle {
  /** The plain container; never handed to user code while it is part of the state. */
  readonly raw: object;
  readonly proxy: object;
}

/** The node behind a tracked proxy; undefined for every other object. */
export function handleOf(value: object): Handle | undefined {
  const handle = (value as { readonly [HANDLE]?: Handle })[HANDLE];
  // An object that merely inherits from a tracked proxy is not that proxy.
  return handle !== undefined && handle.proxy === value ? handle : undefined;
}
