/** What the process of a frontend is told by its environment and arguments. */
import { delimiter } from 'node:path';
import type { ServerFrontend } from '../frontend/frontend.ts';
import {
  ROOT_PATH_VARIABLE,
  STATE_TOKEN_VARIABLE,
  STATE_URL_VARIABLE,
} from '../protocol/layout.ts';

/** What is told to one start of a frontend. */
export interface FrontendFacts {
  readonly port: number;
  readonly host: string;
  /** Path below which it is served, without a slash at its end. */
  readonly rootPath: string;
  /** Address of the app. */
  readonly stateUrl: string;
  readonly token: string | null;
  /** Folder in which Python finds `stormkite`. */
  readonly pythonClient: string | null;
  /** `PYTHONPATH` of the app itself. */
  readonly pythonPath: string;
}

export interface FrontendStart {
  readonly command: readonly string[];
  readonly env: Record<string, string>;
}

/**
 * The command and environment of one start. `$PORT` and the other names that the process is given stand for their values
 * in arguments and in the user's variables; every other `$` is left alone, since no shell reads the command.
 */
export function toFrontendStart(
  { command, env }: Pick<ServerFrontend, 'command' | 'env'>,
  facts: FrontendFacts,
): FrontendStart {
  const given = variablesOf(facts);
  const fill = (text: string): string => filled(text, given);
  const entries = Object.entries(env).map(([name, value]) => [name, fill(value)] as const);
  const own: Record<string, string> = Object.fromEntries(entries);
  return {
    command: command.map((part, index) => (index === 0 ? part : fill(part))),
    env: { ...wellKnown(facts), ...given, ...own, ...pythonPathOf(own, facts) },
  };
}

/** A script says `import stormkite` without any preparation; modules of the user's own come first. */
function pythonPathOf(
  own: Readonly<Record<string, string>>,
  { pythonClient, pythonPath }: FrontendFacts,
): Record<string, string> {
  const folders = [own['PYTHONPATH'] ?? pythonPath, pythonClient ?? ''];
  const path = folders.filter((folder) => folder !== '').join(delimiter);
  return path === '' ? {} : { PYTHONPATH: path };
}

function variablesOf({ port, host, rootPath, stateUrl, token }: FrontendFacts) {
  const given: Record<string, string> = {
    PORT: String(port),
    HOST: host,
    [ROOT_PATH_VARIABLE]: rootPath,
    [STATE_URL_VARIABLE]: stateUrl,
  };
  if (token !== null) given[STATE_TOKEN_VARIABLE] = token;
  return given;
}

/** Names by which common servers take the same facts, so that they need no arguments for them. */
function wellKnown({ port, host, rootPath }: FrontendFacts): Record<string, string> {
  return {
    STREAMLIT_SERVER_PORT: String(port),
    STREAMLIT_SERVER_ADDRESS: host,
    STREAMLIT_SERVER_BASE_URL_PATH: rootPath,
    STREAMLIT_SERVER_HEADLESS: 'true',
    STREAMLIT_BROWSER_GATHER_USAGE_STATS: 'false',
    GRADIO_SERVER_PORT: String(port),
    GRADIO_SERVER_NAME: host,
    GRADIO_ROOT_PATH: rootPath,
    PYTHONUNBUFFERED: '1',
  };
}

function filled(text: string, given: Readonly<Record<string, string>>): string {
  return text.replaceAll(
    /\$(?:\{([A-Z_]+)\}|([A-Z_]+))/g,
    (whole, braced?: string, bare?: string) => {
      const name = braced ?? bare ?? '';
      return Object.hasOwn(given, name) ? (given[name] ?? whole) : whole;
    },
  );
}
