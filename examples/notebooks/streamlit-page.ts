/** The page in Python, where there is a Streamlit to run it. */
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ServerFrontend } from 'stormkite';

/** `null` when no `streamlit` is in `PATH`, or the package with the Python client is not here (as in a container). */
export function streamlitPage(): ServerFrontend | null {
  const streamlit = pathOf('streamlit');
  const client = pythonClient();
  if (streamlit === null || client === null) return null;
  const pythonPath = [client, process.env['PYTHONPATH'] ?? ''].filter((path) => path !== '');
  return new ServerFrontend({
    command: [streamlit, 'run', fileURLToPath(new URL('streamlit_app.py', import.meta.url))],
    env: {
      PYTHONPATH: pythonPath.join(delimiter),
      PYTHONDONTWRITEBYTECODE: '1',
      STREAMLIT_CLIENT_TOOLBAR_MODE: 'minimal',
      STREAMLIT_SERVER_FILE_WATCHER_TYPE: 'none',
    },
  });
}

function pathOf(command: string): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, command)).find(isProgram) ?? null;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The folder of `stormkite.py` in the package. */
function pythonClient(): string | null {
  try {
    const manifest = fileURLToPath(import.meta.resolve('stormkite/package.json'));
    const folder = join(dirname(manifest), 'dist', 'client');
    return existsSync(join(folder, 'stormkite.py')) ? folder : null;
  } catch {
    return null;
  }
}
