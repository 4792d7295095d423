import { appError } from '../errors/index.ts';

const BRAND: unique symbol = Symbol.for('stormkite.frontend') as never;

/** Serves a folder that has an `index.html`. */
export class StaticWebFrontend {
  readonly kind = 'static';
  readonly directory: string;
  readonly [BRAND] = true;

  /**
   * @param directory - path, relative to the app file's project
   * @throws `FRONTEND_OPTION_INVALID`
   */
  constructor(directory: string) {
    check('StaticWebFrontend', 'directory', directory, isText(directory), 'the path of a folder');
    this.directory = directory;
  }
}

/** What {@link ServerFrontend} starts. */
export interface ServerFrontendOptions {
  /**
   * Program and arguments. The program is given `PORT`, `HOST`, `STORMKITE_STATE_URL` and `STORMKITE_ROOT_PATH`;
   * in arguments and in `env` these names after a `$` stand for their values.
   */
  readonly command: readonly [string, ...string[]];
  /** Working folder, relative to the app file's project. @default - the project itself */
  readonly cwd?: string;
  /** More environment variables. @default - none */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Whether requests reach the server without the path below which it is shown (`STORMKITE_ROOT_PATH`).
   *
   * @default - found out by asking: a server that answers below that path, and nowhere else, gets the whole path
   */
  readonly stripPrefix?: boolean;
}

/**
 * Runs any web server (Streamlit, Gradio, Vite, Jupyter …) as a tab.
 *
 * @example
 * ```ts
 * import { Flow, ServerFrontend } from 'stormkite';
 * class Root extends Flow {
 *   run() {}
 *   override configureLayout() {
 *     return new ServerFrontend({ command: ['streamlit', 'run', 'ui.py'] });
 *   }
 * }
 * ```
 */
export class ServerFrontend {
  readonly kind = 'server';
  readonly command: readonly [string, ...string[]];
  readonly cwd: string | null;
  readonly env: Readonly<Record<string, string>>;
  /** `null`: found out by asking. */
  readonly stripPrefix: boolean | null;
  readonly [BRAND] = true;

  /** @throws `FRONTEND_OPTION_INVALID` */
  constructor(options: ServerFrontendOptions) {
    const { command, cwd, env = {}, stripPrefix } = options;
    const own = 'ServerFrontend';
    const isCommand = Array.isArray(command) && command.length > 0 && command.every(isArgument);
    check(own, 'command', command, isCommand && command[0] !== '', "a list such as ['vite']");
    check(own, 'cwd', cwd, cwd === undefined || isText(cwd), 'the path of a folder');
    check(own, 'env', env, isEnvironment(env), 'an object of texts');
    const isSwitch = stripPrefix === undefined || typeof stripPrefix === 'boolean';
    check(own, 'stripPrefix', stripPrefix, isSwitch, 'true or false');
    this.command = [...command];
    this.cwd = cwd ?? null;
    this.env = { ...env };
    this.stripPrefix = stripPrefix ?? null;
  }
}

/** A user interface that the app serves itself. */
export type Frontend = StaticWebFrontend | ServerFrontend;

/** Whether a value is a frontend, also of another copy of this module. */
export function isFrontend(value: unknown): value is Frontend {
  return typeof value === 'object' && value !== null && Reflect.has(value, BRAND);
}

function check(
  frontend: string,
  option: string,
  value: unknown,
  isValid: boolean,
  allowed: string,
): void {
  if (isValid) return;
  const shown = value === undefined ? 'undefined' : (JSON.stringify(value) ?? typeof value);
  throw appError('FRONTEND_OPTION_INVALID', { frontend, option, value: shown, allowed });
}

function isText(value: unknown): value is string {
  return isArgument(value) && value !== '';
}

/** No process can be given a zero byte. */
function isArgument(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0');
}

function isEnvironment(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(
    ([name, text]) => isText(name) && !name.includes('=') && isArgument(text),
  );
}
