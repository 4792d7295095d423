/** The page in Python, where there is a Streamlit to run it. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ServerFrontend } from 'stormkite';

/** `null` when no `streamlit` is in `PATH` (as in a container). */
export function streamlitPage(): ServerFrontend | null {
  const streamlit = pathOf('streamlit');
  if (streamlit === null) return null;
  return new ServerFrontend({
    command: [streamlit, 'run', fileURLToPath(new URL('streamlit_app.py', import.meta.url))],
    env: {
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
