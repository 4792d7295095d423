/** A work that is a JupyterLab of one person. */
import { randomBytes } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { BuildConfig, CloudCompute, Work } from 'stormkite';
import { JupyterServer } from './jupyter-server.ts';
import { FOLDER, IMAGE, JUPYTER } from './settings.ts';

const TOKEN_BYTES = 24;

export class JupyterLabWork extends Work<{ username: string; useGpu: boolean }> {
  /** Opens the notebook; `null` while it does not answer. */
  token: string | null = null;
  /** Why the latest one ended by itself, in words for people. */
  problem: string | null = null;

  constructor(props: { username: string; useGpu: boolean }) {
    super({
      parallel: true,
      // A notebook that fails is told to who asked for it; the others go on.
      raiseException: false,
      startWithFlow: false,
      cloudCompute: new CloudCompute(props.useGpu ? 'gpu' : 'cpu-small'),
      cloudBuildConfig: new BuildConfig({ image: IMAGE }),
      ...props,
    });
  }

  async run() {
    this.token = null;
    this.problem = null;
    const token = randomBytes(TOKEN_BYTES).toString('hex');
    const server = await JupyterServer.start({
      command: JUPYTER,
      host: this.host,
      port: this.port,
      basePath: process.env['STORMKITE_ROOT_PATH'] ?? '',
      token,
      folder: join(FOLDER ?? join(homedir(), 'stormkite-notebooks'), this.props.username),
    });
    this.signal.addEventListener('abort', () => server.stop(), { once: true });
    if (this.signal.aborted) server.stop();
    try {
      await server.answers();
      this.token = token;
      await server.ended;
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
      throw error;
    } finally {
      this.token = null;
      server.stop();
      await server.gone;
    }
  }

  /** It is started with the path below which the app shows it. */
  override get stripPrefix() {
    return false;
  }

  /**
   * JupyterLab takes the token from the address for a cookie that holds for this notebook's path alone, and out of the
   * address again. Who can read the layout can read the state, which has the token anyway.
   */
  override configureLayout() {
    return this.token === null || this.url === '' ? null : `${this.url}/lab?token=${this.token}`;
  }
}
