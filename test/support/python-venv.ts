/** Programs of Python that some tests need (JupyterLab, Streamlit): those of a virtual environment, else those in `PATH`. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Names a virtual environment; `.ci/install-python` makes one and prints its path. */
const VENV_VARIABLE = 'STORMKITE_TEST_VENV';

export interface PythonPrograms {
  /** What a program that is to find them has as its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute paths, in the order in which they were asked for. */
  readonly paths: readonly string[];
}

/** `null` when one of them is missing: tests are skipped with {@link pythonReason}, and fail where `CI` is set. */
export function pythonPrograms(...names: readonly string[]): PythonPrograms | null {
  const venv = process.env[VENV_VARIABLE];
  const path = process.env['PATH'] ?? '';
  const folders = venv === undefined ? path.split(delimiter) : [join(venv, 'bin')];
  const paths = names.flatMap((name) => pathIn(folders, name) ?? []);
  if (paths.length < names.length) return null;
  return { env: { PATH: [...(venv === undefined ? [] : folders), path].join(delimiter) }, paths };
}

export function pythonReason(...names: readonly string[]): string {
  return `${names.join(' or ')} is not installed: set ${VENV_VARIABLE} to what .ci/install-python prints`;
}

function pathIn(folders: readonly string[], name: string): string | undefined {
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
