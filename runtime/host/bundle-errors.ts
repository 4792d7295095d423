import type { BuildFailure, Message } from 'esbuild';
import { relative, resolve } from 'node:path';
import { appError, type AppError } from '../errors/index.ts';

/** Turns esbuild's failure into an error that names the place in the user's file; `null` when it is another error. */
export function toBundleError(failure: unknown, projectRoot: string): AppError | null {
  if (!isBuildFailure(failure)) return null;
  const [first] = failure.errors;
  if (first === undefined) return null;
  const place = placeOf(first, projectRoot);
  const specifier = missingImportOf(first);
  if (specifier !== null)
    return appError('HOST_IMPORT_NOT_FOUND', { place, specifier }, { cause: failure });
  const native = nativePackageOf(first);
  if (native !== null)
    return appError('HOST_NATIVE_PACKAGE', { package: native }, { cause: failure });
  const line = first.location?.lineText.trim() ?? '';
  return appError('HOST_APP_SYNTAX', { place, problem: first.text, line }, { cause: failure });
}

/** `app.ts:3:14`, seen from where the user is; columns counted from 1 as editors do. */
function placeOf({ location }: Message, projectRoot: string): string {
  if (location === null) return 'the app';
  const file = resolve(projectRoot, location.file);
  const seen = relative(process.cwd(), file);
  return `${seen.startsWith('..') ? file : seen}:${location.line}:${location.column + 1}`;
}

function missingImportOf({ detail, text }: Message): string | null {
  if (typeof detail === 'object' && detail !== null && 'missingImport' in detail)
    return String(detail.missingImport);
  return /^Could not resolve "(.*)"$/.exec(text)?.[1] ?? null;
}

function nativePackageOf({ detail }: Message): string | null {
  return typeof detail === 'object' && detail !== null && 'nativePackage' in detail
    ? String(detail.nativePackage)
    : null;
}

function isBuildFailure(value: unknown): value is BuildFailure {
  return value instanceof Error && 'errors' in value && Array.isArray(value.errors);
}
