/**
 * Who has to act: `user` (the app's author), `environment` (disk, network, spawn), `bug` (us).
 */
export type ErrorKind = 'user' | 'environment' | 'bug';

/** One entry of the registry: how an error of this code reads and whose it is. */
export interface CodeSpec<D> {
  readonly kind: ErrorKind;
  /** One line for `docs/errors.md`: when this error occurs. */
  readonly summary: string;
  /** Subject as the user wrote it, what is wrong, the value seen; no full stop. */
  readonly message: (data: D) => string;
  /** An imperative that the user can follow now; no full stop. */
  readonly hint: (data: D) => string;
  /** True when trying again later may succeed. */
  readonly retryable?: boolean;
}

/** Types one registry entry by the data that its message needs. */
export function code<D>(spec: CodeSpec<D>): CodeSpec<D> {
  return spec;
}
