/** Serves a folder that has an `index.html`. */
export class StaticWebFrontend {
  readonly kind = 'static';
  readonly directory: string;

  /** @param directory - path, relative to the app file's project */
  constructor(directory: string) {
    this.directory = directory;
  }
}

/** What {@link ServerFrontend} starts. */
export interface ServerFrontendOptions {
  /** Program and arguments; it is given `PORT` and `STORMKITE_STATE_URL`. */
  readonly command: readonly [string, ...string[]];
  /** Working folder. @default - the app file's project */
  readonly cwd?: string;
  /** More environment variables. @default - none */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs any web server (Streamlit, Gradio, Vite, Jupyter …) as a tab. */
export class ServerFrontend {
  readonly kind = 'server';
  readonly command: readonly [string, ...string[]];
  readonly cwd: string | null;
  readonly env: Readonly<Record<string, string>>;

  constructor(options: ServerFrontendOptions) {
    this.command = options.command;
    this.cwd = options.cwd ?? null;
    this.env = options.env ?? {};
  }
}

/** A user interface that the app serves itself. */
export type Frontend = StaticWebFrontend | ServerFrontend;
