import { appError, isAppError, type AppError } from '../../errors/index.ts';

/** Turns what `classic-level` or the file system threw into one of our errors. */
export function toStoreError(cause: unknown, app: string, where: string): AppError {
  if (isAppError(cause)) return cause;
  const chain = causesOf(cause);
  const codes = chain.map((error) => ('code' in error ? error.code : undefined));
  if (codes.includes('LEVEL_LOCKED')) return appError('STORE_LOCKED', { app, where }, { cause });
  const problem = chain.at(-1)?.message ?? String(cause);
  if (codes.includes('LEVEL_CORRUPTION'))
    return appError('STORE_DAMAGED', { where, problem }, { cause });
  return appError('STORE_UNREACHABLE', { where, problem }, { cause });
}

function causesOf(error: unknown): Error[] {
  const chain: Error[] = [];
  for (let each = error; each instanceof Error && chain.length < 8; each = each.cause)
    chain.push(each);
  return chain;
}
